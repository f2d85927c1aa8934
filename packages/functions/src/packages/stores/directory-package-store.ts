import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../folders/durable.ts'
import type { ZipSource } from '../zip/zip-bytes.ts'
import type { PackageStore, StoredPackage } from './package-store.ts'

const FRESH = '.new'

/** Zips in a folder of this node: `<sha256>.zip`. */
export class DirectoryPackageStore implements PackageStore {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  async check(): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.#path))
      if (name.endsWith(FRESH)) await rm(join(this.#path, name), { force: true })
  }

  async put(sha256: string, source: ZipSource): Promise<void> {
    if ((await this.#size(sha256)) !== undefined) return
    const fresh = join(this.#path, `${randomUUID()}${FRESH}`)
    try {
      await writeDurably(source, fresh)
      await rename(fresh, this.#file(sha256))
      await syncFolder(this.#path)
    } finally {
      await rm(fresh, { force: true })
    }
  }

  async open(sha256: string): Promise<StoredPackage | undefined> {
    const size = await this.#size(sha256)
    return size === undefined ? undefined : { size, stream: createReadStream(this.#file(sha256)) }
  }

  async remove(sha256: string): Promise<void> {
    await rm(this.#file(sha256), { force: true })
  }

  async list(): Promise<readonly string[]> {
    return (await readdir(this.#path)).filter((name) => name.endsWith('.zip')).map((name) => name.slice(0, -4))
  }

  #file(sha256: string): string {
    return join(this.#path, `${sha256}.zip`)
  }

  async #size(sha256: string): Promise<number | undefined> {
    return (await stat(this.#file(sha256)).catch(() => undefined))?.size
  }
}

async function writeDurably(source: ZipSource, path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    if (Buffer.isBuffer(source)) await file.writeFile(source)
    else for await (const chunk of createReadStream(source.file)) await file.writeFile(chunk as Buffer)
    await file.sync()
  } finally {
    await file.close()
  }
}
