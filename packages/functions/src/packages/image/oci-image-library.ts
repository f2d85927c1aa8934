import { createHash, type Hash } from 'node:crypto'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import type { ImageCode } from '../../catalog/records/function-record.ts'
import { ContentFolders } from '../folders/content-folders.ts'
import { syncFileSystem, syncFolder } from '../folders/durable.ts'
import { MAX_IMAGE_BYTES } from '../limits.ts'
import { PackageProblem, type Progress } from '../package-problem.ts'
import { applyLayer, type ImageUsage } from './apply-layer.ts'
import type { ImageLibrary } from './image-library.ts'
import { type LayerBlob, type LayoutImage, readLayout } from './oci-layout.ts'
import { TarError, TarStream } from './tar-stream.ts'

export interface ImageLibraryOptions {
  /** `images/` in it is where archives are put to be named by their names, `rootfs/` where they are unpacked. */
  readonly directory: string
  /** Default: this host's. */
  readonly architecture?: 'x86_64' | 'arm64'
}

/**
 * Images from OCI layout archives: `file:///path/to/image.tar`, or `NAME` for `images/NAME.tar`. All digests are verified. Each root file
 * system is in a folder of the digest of its manifest.
 */
export class OciImageLibrary implements ImageLibrary {
  readonly #archives: string
  readonly #folders: ContentFolders
  readonly #architecture: string

  constructor({ directory, architecture }: ImageLibraryOptions) {
    this.#archives = join(directory, 'images')
    this.#folders = new ContentFolders(join(directory, 'rootfs'))
    this.#architecture =
      (architecture ?? (process.arch === 'arm64' ? 'arm64' : 'x86_64')) === 'arm64' ? 'arm64' : 'amd64'
  }

  async open(): Promise<void> {
    await mkdir(this.#archives, { recursive: true })
    await this.#folders.open()
  }

  async take(uri: string, onProgress?: Progress): Promise<ImageCode | PackageProblem> {
    const path = this.#pathOf(uri)
    if (path instanceof PackageProblem) return path
    let archive: FileHandle
    try {
      archive = await open(path)
    } catch (error) {
      return new PackageProblem('image', `${path} cannot be read: ${(error as Error).message}`)
    }
    try {
      const image = await readLayout(archive, this.#architecture)
      await this.#folders.make(image.digest, async (root) => {
        await unpack(archive, image, root, onProgress)
        return undefined
      })
      const { layers: _, ...known } = image
      return { kind: 'image', uri, ...known }
    } catch (error) {
      if (error instanceof TarError) return new PackageProblem('image', `${path}: ${error.message}`)
      throw error
    } finally {
      await archive.close()
    }
  }

  directory(digest: string): string {
    return this.#folders.folder(digest)
  }

  ready(digest: string): boolean {
    return this.#folders.has(digest)
  }

  async prepare(image: ImageCode): Promise<void> {
    if (image.digest !== undefined && this.ready(image.digest)) return
    const taken = await this.take(image.uri)
    if (taken instanceof PackageProblem) throw new Error(taken.detail)
    if (taken.digest !== image.digest)
      throw new Error(`${image.uri} is another image now than the one that was deployed (sha256:${image.digest})`)
  }

  async collect(digests: ReadonlySet<string>): Promise<number> {
    const unused = this.#folders.names().filter((name) => !digests.has(name))
    for (const name of unused) await this.#folders.remove(name)
    return unused.length
  }

  #pathOf(uri: string): string | PackageProblem {
    if (uri.startsWith('file:')) {
      try {
        return fileURLToPath(uri)
      } catch (error) {
        return new PackageProblem('image', `${uri} is no file URL: ${(error as Error).message}`)
      }
    }
    if (/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}$/.test(uri)) return join(this.#archives, `${uri}.tar`)
    return new PackageProblem(
      'image',
      `${uri} names no archive here: there is no registry. Use file:///path/to/image.tar, or NAME for ${this.#archives}/NAME.tar`,
    )
  }
}

async function unpack(archive: FileHandle, image: LayoutImage, root: string, onProgress?: Progress): Promise<void> {
  const usage: ImageUsage = { bytes: 0, entries: 0 }
  const totalBytes = image.layers.reduce((sum, { size }) => sum + size, 0)
  let doneBytes = 0
  for (const layer of image.layers) {
    await unpackLayer(archive, layer, root, usage, (count) => {
      doneBytes += count
      onProgress?.(doneBytes, totalBytes)
    })
  }
  await syncAll(root)
}

async function unpackLayer(
  archive: FileHandle,
  layer: LayerBlob,
  root: string,
  usage: ImageUsage,
  onBytes: (count: number) => void,
): Promise<void> {
  const digest = createHash('sha256')
  const diffId = createHash('sha256')
  const packed = hashed(bytesOf(archive, layer), digest, onBytes)
  const plain = limited(hashed(unpacked(packed, layer), diffId), MAX_IMAGE_BYTES)
  const tar = new TarStream(plain)
  try {
    await applyLayer(tar, root, usage)
    await tar.drain()
  } catch (error) {
    // What zlib says of a damaged stream.
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_') === true)
      throw new TarError(`the layer ${layer.digest} is damaged: ${(error as Error).message}`)
    throw error
  }
  if (digest.digest('hex') !== layer.digest || diffId.digest('hex') !== layer.diffId)
    throw new TarError(`the layer ${layer.digest} is damaged: its checksum is another`)
}

const PIECE_BYTES = 256 * 1024

async function* bytesOf(archive: FileHandle, { offset, size }: LayerBlob): AsyncGenerator<Buffer> {
  for (let at = 0; at < size;) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size - at))
    const { bytesRead } = await archive.read(piece, 0, piece.length, offset + at)
    if (bytesRead === 0) throw new TarError('the archive is cut off')
    at += bytesRead
    yield piece.subarray(0, bytesRead)
  }
}

async function* hashed(
  chunks: AsyncIterable<Buffer>,
  hash: Hash,
  onBytes?: (count: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    onBytes?.(chunk.length)
    yield chunk
  }
}

async function* limited(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new TarError(`a layer has more than ${maxBytes} bytes`)
    yield chunk
  }
}

function unpacked(packed: AsyncIterable<Buffer>, { compression, digest }: LayerBlob): AsyncIterable<Buffer> {
  if (compression === 'none') return packed
  if (compression === 'zstd')
    throw new TarError(`the layer ${digest} is compressed with zstd, which is not known here: build it with gzip`)
  // Failures come out of the last stream, where they are waited for.
  return pipeline(Readable.from(packed, { objectMode: false }), createGunzip(), () => {})
}

/** One call for all files of the file system: a sync of each would take minutes. Where there is no such call, folders alone. */
async function syncAll(root: string): Promise<void> {
  if (!(await syncFileSystem(root))) await syncFolder(root)
}
