import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import { ContentFolders } from './folders/content-folders.ts'
import { mergeLayers } from './folders/merge-layers.ts'
import { MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES } from './limits.ts'
import { PackageProblem, type Progress, unreadable } from './package-problem.ts'
import type { PackageStore, StoredPackage } from './stores/package-store.ts'
import { unpackZip } from './zip/unpack-zip.ts'
import { openZip, type ZipSource } from './zip/zip-bytes.ts'
import { listZip, type ZipListing } from './zip/zip-listing.ts'

/** A zip that is kept and unpacked. */
export interface KnownPackage {
  /** Hexadecimal. */
  readonly sha256: string
  readonly size: number
  readonly unzippedBytes: number
}

export interface LibraryOptions {
  /** Of the engine: `code/`, `layers/` and `incoming/` are made in it. */
  readonly directory: string
  readonly store: PackageStore
  /** Most bytes that a zip in a request may have; a setting, since the limit is AWS's and not ours. */
  readonly maxZipBytes?: number
}

/**
 * All code there is: each zip as it was sent, in the store, and unpacked in `code/<sha256>/`; combinations of layers in `layers/<hash>/`.
 * What a function runs from is never written to again. The folders can be made again from the store at any time.
 */
export class PackageLibrary {
  readonly #options: LibraryOptions
  readonly #code: ContentFolders
  readonly #layers: ContentFolders
  /** Packages that somebody is about to refer to: how many of them. */
  readonly #held = new Map<string, number>()

  constructor(options: LibraryOptions) {
    this.#options = options
    this.#code = new ContentFolders(join(options.directory, 'code'))
    this.#layers = new ContentFolders(join(options.directory, 'layers'))
  }

  async open(): Promise<void> {
    await this.#options.store.check()
    await rm(this.#incoming(), { recursive: true, force: true })
    await mkdir(this.#incoming(), { recursive: true, mode: 0o700 })
    await this.#code.open()
    await this.#layers.open()
  }

  /**
   * Checks, keeps and unpacks a zip. When it resolves all of it is on the disk. The package stays until `release`, whatever is collected
   * meanwhile.
   * @param direct it came in a request, where less is allowed
   */
  async add(source: ZipSource, direct: boolean, onProgress?: Progress): Promise<KnownPackage | PackageProblem> {
    const size = await sizeOf(source)
    if (direct && size > (this.#options.maxZipBytes ?? MAX_ZIP_BYTES))
      return new PackageProblem('zip too large', `${size} bytes`)
    const sha256 = await sha256Of(source)
    this.#hold(sha256)
    const outcome = await this.#add(sha256, source, size, onProgress).catch((error: unknown) => {
      this.release(sha256)
      throw error
    })
    if (outcome instanceof PackageProblem) this.release(sha256)
    return outcome
  }

  /** The record that refers to it is durable, or will never be. */
  release(sha256: string): void {
    const count = (this.#held.get(sha256) ?? 1) - 1
    if (count === 0) this.#held.delete(sha256)
    else this.#held.set(sha256, count)
  }

  /** Where a stream of bytes is put while it is not known what it is. The caller removes it. */
  async receive(stream: Readable, maxBytes = MAX_UNZIPPED_BYTES): Promise<{ readonly file: string } | PackageProblem> {
    const file = join(this.#incoming(), randomUUID())
    let size = 0
    try {
      await pipeline(
        stream,
        async function* (chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            size += chunk.length
            if (size > maxBytes) throw new TooLarge()
            yield chunk
          }
        },
        createWriteStream(file, { flags: 'wx', mode: 0o600 }),
      )
      return { file }
    } catch (error) {
      await rm(file, { force: true })
      if (error instanceof TooLarge) return new PackageProblem('unzipped too large', `more than ${maxBytes} bytes`)
      throw error
    }
  }

  codeDirectory(sha256: string): string {
    return this.#code.folder(sha256)
  }

  /** @returns undefined without layers; one layer needs no folder but its own */
  layersDirectory(layers: readonly string[]): string | undefined {
    if (layers.length === 0) return undefined
    return layers.length === 1 ? this.#code.folder(layers[0]!) : this.#layers.folder(layersName(layers))
  }

  /** All of it is unpacked. */
  ready(sha256: string | undefined, layers: readonly string[]): boolean {
    if (sha256 !== undefined && !this.#code.has(sha256)) return false
    if (layers.length === 0) return true
    return layers.length === 1 ? this.#code.has(layers[0]!) : this.#layers.has(layersName(layers))
  }

  /** Fetches and unpacks what is not there. Rejects when the store does not have it. */
  async prepare(sha256: string | undefined, layers: readonly string[]): Promise<void> {
    await Promise.all((sha256 === undefined ? layers : [sha256, ...layers]).map((one) => this.#fetch(one)))
    if (layers.length < 2) return
    const folders = layers.map((layer) => this.#code.folder(layer))
    await this.#layers.make(layersName(layers), async (target) => {
      await mergeLayers(folders, target)
      return undefined
    })
  }

  /** The zip as it was sent: what `Code.Location` leads to. */
  openPackage(sha256: string): Promise<StoredPackage | undefined> {
    return this.#options.store.open(sha256)
  }

  /** Removes what nobody refers to. @returns how many things */
  async collect(packages: ReadonlySet<string>, layers: readonly (readonly string[])[]): Promise<number> {
    const kept = new Set(layers.map(layersName))
    const unused = (names: readonly string[]) => names.filter((name) => !packages.has(name) && !this.#held.has(name))
    const combinations = this.#layers.names().filter((name) => !kept.has(name))
    const folders = unused(this.#code.names())
    const zips = unused(await this.#options.store.list())
    for (const name of combinations) await this.#layers.remove(name)
    for (const name of folders) await this.#code.remove(name)
    for (const name of zips) await this.#options.store.remove(name)
    return combinations.length + folders.length + zips.length
  }

  async #add(
    sha256: string,
    source: ZipSource,
    size: number,
    onProgress: Progress | undefined,
  ): Promise<KnownPackage | PackageProblem> {
    const bytes = await openZip(source)
    if (bytes instanceof PackageProblem) return bytes
    try {
      const listing = await listZip(bytes)
      if (listing instanceof PackageProblem) return listing
      const kept = this.#options.store.put(sha256, source, size)
      const unpack = (target: string) => unpackZip(bytes, listing, target, onProgress)
      const [unpacked, stored] = await Promise.allSettled([this.#code.make(sha256, unpack), kept])
      if (unpacked.status === 'rejected') throw unpacked.reason
      if (stored.status === 'rejected') throw stored.reason
      return unpacked.value ?? { sha256, size, unzippedBytes: listing.unzippedBytes }
    } finally {
      await bytes.close()
    }
  }

  async #fetch(sha256: string): Promise<void> {
    if (this.#code.has(sha256)) return
    const problem = await this.#code.make(sha256, async (target) => {
      const stored = await this.#options.store.open(sha256)
      if (stored === undefined) return unreadable('it is gone from the store of packages: deploy it again')
      const received = await this.receive(stored.stream)
      if (received instanceof PackageProblem) return received
      try {
        if ((await sha256Of(received)) !== sha256) return unreadable('it is not what was deployed')
        return await unpackAgain(received, target)
      } finally {
        await rm(received.file, { force: true })
      }
    })
    if (problem !== undefined) throw new Error(`the package ${sha256} cannot be unpacked: ${problem.detail}`)
  }

  #hold(sha256: string): void {
    this.#held.set(sha256, (this.#held.get(sha256) ?? 0) + 1)
  }

  #incoming(): string {
    return join(this.#options.directory, 'incoming')
  }
}

/** About a millisecond. */
const HASH_PIECE_BYTES = 1024 * 1024

class TooLarge extends Error {}

async function unpackAgain(source: ZipSource, target: string): Promise<PackageProblem | undefined> {
  const bytes = await openZip(source)
  if (bytes instanceof PackageProblem) return bytes
  try {
    const listing: ZipListing | PackageProblem = await listZip(bytes)
    return listing instanceof PackageProblem ? listing : await unpackZip(bytes, listing, target)
  } finally {
    await bytes.close()
  }
}

const layersName = (layers: readonly string[]): string => createHash('sha256').update(layers.join('\n')).digest('hex')

const sizeOf = async (source: ZipSource): Promise<number> =>
  Buffer.isBuffer(source) ? source.length : (await stat(source.file)).size

async function sha256Of(source: ZipSource): Promise<string> {
  const hash = createHash('sha256')
  if (Buffer.isBuffer(source)) {
    // Invocations must not wait for 50 MB to be hashed.
    for (let at = 0; at < source.length; at += HASH_PIECE_BYTES) {
      if (at > 0) await setImmediate()
      hash.update(source.subarray(at, at + HASH_PIECE_BYTES))
    }
  } else for await (const chunk of createReadStream(source.file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
