import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Author, DocumentKey, StoreBackend } from '../../backend/backend.ts'
import { revisionOf } from '../../backend/testing/backend-contract.ts'
import { type EmbeddedBackend, type EmbeddedOptions, openEmbedded } from '../embedded-backend.ts'

export const AUTHOR: Author = { who: 'ops', from: '127.0.0.1' }

/** A folder of its own for each; `dispose` closes what was opened in it. */
export class TemporaryStore {
  readonly path: string
  readonly #opened: EmbeddedBackend[] = []

  private constructor(path: string) {
    this.path = path
  }

  static async create(): Promise<TemporaryStore> {
    return new TemporaryStore(await mkdtemp(join(tmpdir(), 'sekisho-embedded-')))
  }

  async open(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedBackend> {
    const backend = await openEmbedded({ path: this.path, ...options })
    this.#opened.push(backend)
    return backend
  }

  async dispose(): Promise<void> {
    for (const backend of this.#opened.toReversed()) await backend.close()
    await rm(this.path, { recursive: true })
  }
}

export async function put(backend: StoreBackend, key: DocumentKey, value: string | undefined): Promise<number> {
  return revisionOf(await backend.commit([{ key, value }], [], AUTHOR))
}
