import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from './durable.ts'

const INCOMING = '.incoming'

/**
 * Folders that are named after what is in them, and complete: each is made under another name, put on the disk, and renamed. What a crash
 * leaves behind has no name that counts, and is removed at the next start.
 */
export class ContentFolders {
  readonly path: string
  readonly #there = new Set<string>()
  readonly #making = new Map<string, Promise<unknown>>()

  constructor(path: string) {
    this.path = path
  }

  async open(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o755 })
    await rm(join(this.path, INCOMING), { recursive: true, force: true })
    await mkdir(join(this.path, INCOMING))
    for (const name of await readdir(this.path)) if (name !== INCOMING) this.#there.add(name)
  }

  has(name: string): boolean {
    return this.#there.has(name)
  }

  names(): string[] {
    return [...this.#there]
  }

  folder(name: string): string {
    return join(this.path, name)
  }

  /**
   * Makes it unless it is there or on its way.
   * @param fill puts all in place, and on the disk. What it returns, other than undefined, is a problem: nothing stays
   */
  async make<P>(name: string, fill: (folder: string) => Promise<P | undefined>): Promise<P | undefined> {
    if (this.has(name)) return undefined
    const making = (this.#making.get(name) as Promise<P | undefined> | undefined) ?? this.#make(name, fill)
    this.#making.set(name, making)
    try {
      return await making
    } finally {
      this.#making.delete(name)
    }
  }

  /** In two steps, so that it is never there in part. */
  async remove(name: string): Promise<void> {
    if (!this.#there.delete(name)) return
    const trash = join(this.path, INCOMING, randomUUID())
    await rename(this.folder(name), trash)
    await rm(trash, { recursive: true, force: true })
  }

  async #make<P>(name: string, fill: (folder: string) => Promise<P | undefined>): Promise<P | undefined> {
    const fresh = join(this.path, INCOMING, randomUUID())
    await mkdir(fresh, { mode: 0o755 })
    try {
      const problem = await fill(fresh)
      if (problem !== undefined) return problem
      await rename(fresh, this.folder(name))
      await syncFolder(this.path)
      this.#there.add(name)
      return undefined
    } finally {
      await rm(fresh, { recursive: true, force: true })
    }
  }
}
