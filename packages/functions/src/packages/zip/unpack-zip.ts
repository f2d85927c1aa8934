import { constants } from 'node:fs'
import { mkdir, open, symlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { forEachLimited, syncFiles, syncFileSystem, syncFolders } from '../folders/durable.ts'
import { PackageProblem, type Progress, unreadable } from '../package-problem.ts'
import type { ZipBytes } from './zip-bytes.ts'
import { smallContent, type ZipItem, type ZipListing } from './zip-listing.ts'

/** Inflated in one piece below this, piece by piece above: 16 at a time are 64 MiB. */
const ONE_PIECE_BYTES = 4 * 1024 * 1024

/** From so many files on, one wait for all of them is shorter than one for each. */
const MANY_FILES = 500

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
const FLAGS = O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0)

/** Unpacks what `listZip` let through into an empty folder. All of it is on the disk when this resolves. */
export async function unpackZip(
  bytes: ZipBytes,
  listing: ZipListing,
  target: string,
  onProgress?: Progress,
): Promise<PackageProblem | undefined> {
  for (const directory of listing.directories) await mkdir(join(target, directory), { mode: 0o755 })
  const many = listing.items.length >= MANY_FILES
  let doneBytes = 0
  let problem: PackageProblem | undefined
  await forEachLimited(listing.items, async (item) => {
    if (problem !== undefined || item.kind === 'directory') return
    if (item.kind === 'link') return symlink(item.link!, join(target, item.path))
    const outcome = await unpackFile(bytes, item, join(target, item.path), !many)
    problem ??= outcome
    doneBytes += item.entry.uncompressedSize
    onProgress?.(doneBytes, listing.unzippedBytes)
  })
  if (problem !== undefined) return problem
  if (many && (await syncFileSystem(target))) return undefined
  if (many) await syncFiles(listing.items.filter(({ kind }) => kind === 'file').map(({ path }) => join(target, path)))
  await syncFolders(target, listing.directories)
  return undefined
}

async function unpackFile(
  bytes: ZipBytes,
  item: ZipItem,
  path: string,
  sync: boolean,
): Promise<PackageProblem | undefined> {
  const { entry } = item
  const small = entry.uncompressedSize <= ONE_PIECE_BYTES ? await smallContent(bytes, entry) : undefined
  if (small instanceof PackageProblem) return small
  const file = await open(path, FLAGS, 0o600)
  try {
    const sum = small === undefined ? await writePieces(bytes, item, file) : await writeAll(file, small)
    if (sum instanceof PackageProblem) return sum
    if (sum !== entry.crc32) return damaged(item)
    await file.chmod(item.mode)
    if (sync) await file.sync()
    return undefined
  } finally {
    await file.close()
  }
}

const damaged = ({ path }: ZipItem): PackageProblem => unreadable(`${path} is damaged: its checksum is another`)

async function writeAll(file: FileHandle, content: Buffer): Promise<number> {
  await file.writeFile(content)
  return crc32(content)
}

async function writePieces(bytes: ZipBytes, item: ZipItem, file: FileHandle): Promise<number | PackageProblem> {
  let sum = 0
  let size = 0
  try {
    // The stream fails when there are more or fewer bytes than were declared.
    for await (const chunk of (await bytes.zip.openReadStreamPromise(item.entry)) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > item.entry.uncompressedSize) return unreadable(`${item.path} has more bytes than it says`)
      sum = crc32(chunk, sum)
      await file.writeFile(chunk)
    }
    return sum
  } catch (error) {
    return unreadable(`${item.path}: ${(error as Error).message}`)
  }
}
