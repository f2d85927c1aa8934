import { promisify } from 'node:util'
import { inflateRaw, inflateRawSync } from 'node:zlib'
import type { Entry } from 'yauzl'
import { MAX_ENTRIES, MAX_LINK_BYTES, MAX_UNZIPPED_BYTES } from '../limits.ts'
import { PackageProblem, unreadable } from '../package-problem.ts'
import { packagePath, PathTree } from './path-tree.ts'
import { problemOf, type ZipBytes } from './zip-bytes.ts'

/** One file, folder or link, after all checks that its directory entry allows. */
export interface ZipItem {
  /** Relative, clean. */
  readonly path: string
  readonly kind: 'file' | 'directory' | 'link'
  /** Permission bits as it will have them. */
  readonly mode: number
  /** Where a link points to. */
  readonly link: string | undefined
  readonly entry: Entry
}

export interface ZipListing {
  readonly items: readonly ZipItem[]
  readonly directories: readonly string[]
  /** What the central directory says of all files together. Unpacking fails when a file has other than its share. */
  readonly unzippedBytes: number
}

const STORED = 0
const DEFLATED = 8

/** APPNOTE 4.4.2: who made the entry, and so what its attributes mean. */
const MADE_ON_UNIX = [3, 19]
const TYPE_MASK = 0o170000
const FILE = 0o100000
const DIRECTORY = 0o040000
const LINK = 0o120000

/** Reads the central directory and refuses what must not be unpacked, before anything is. */
export async function listZip(bytes: ZipBytes): Promise<ZipListing | PackageProblem> {
  const { zip } = bytes
  if (zip.entryCount > MAX_ENTRIES) return tooMany(zip.entryCount)
  const items: ZipItem[] = []
  const tree = new PathTree()
  let unzippedBytes = 0
  try {
    for await (const entry of zip.eachEntry()) {
      const item = await itemOf(bytes, entry)
      if (item instanceof PackageProblem) return item
      unzippedBytes += entry.uncompressedSize
      if (unzippedBytes > MAX_UNZIPPED_BYTES)
        return new PackageProblem('unzipped too large', `${item.path} makes it ${unzippedBytes} bytes or more`)
      const problem = item.path === '' ? undefined : tree.add(item.path, nodeOf(item))
      if (problem !== undefined) return unreadable(problem)
      if (item.path !== '') items.push(item)
    }
  } catch (error) {
    return problemOf(error)
  }
  const stray = tree.strayLink()
  if (stray !== undefined) return unreadable(stray)
  if (items.every(({ kind }) => kind === 'directory')) return unreadable('there is no file in it')
  return { items, directories: tree.directories(), unzippedBytes }
}

async function itemOf(bytes: ZipBytes, entry: Entry): Promise<ZipItem | PackageProblem> {
  const name = entry.fileName
  const path = packagePath(name)
  if (path === undefined) return unreadable(`${JSON.stringify(name)} leaves the package, or is no name for a file`)
  if (entry.isEncrypted()) return unreadable(`${path} is encrypted`)
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)
    return unreadable(`${path} is compressed by method ${entry.compressionMethod}: only deflate and none are known`)
  const kind = kindOf(entry, name)
  if (kind === undefined) return unreadable(`${path} is a device, a socket or a pipe`)
  if (kind === 'directory' && entry.uncompressedSize > 0) return unreadable(`${path} is a folder with contents`)
  if (path === '' && kind !== 'directory') return unreadable(`${JSON.stringify(name)} is no name for a file`)
  const link = kind === 'link' ? await linkOf(bytes, entry, path) : undefined
  if (link instanceof PackageProblem) return link
  return { path, kind, mode: modeOf(entry, path, kind), link, entry }
}

function kindOf(entry: Entry, name: string): ZipItem['kind'] | undefined {
  if (name.endsWith('/')) return 'directory'
  switch (unixMode(entry) & TYPE_MASK) {
    case 0:
    case FILE:
      return 'file'
    case DIRECTORY:
      return 'directory'
    case LINK:
      return 'link'
    default:
      return undefined
  }
}

const unixMode = (entry: Entry): number =>
  MADE_ON_UNIX.includes(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0

/**
 * Readable for all, since functions run as users of their own, and writable for nobody. What AWS wants to be executable is, also when it
 * was packed on Windows, where there is no such bit.
 */
function modeOf(entry: Entry, path: string, kind: ZipItem['kind']): number {
  if (kind === 'directory') return 0o755
  const executable = (unixMode(entry) & 0o111) !== 0 || path === 'bootstrap' || /^extensions\/[^/]+$/.test(path)
  return executable ? 0o555 : 0o444
}

const nodeOf = ({ kind, link }: ZipItem) => (kind === 'link' ? { link: link! } : kind)

async function linkOf(bytes: ZipBytes, entry: Entry, path: string): Promise<string | PackageProblem> {
  if (entry.uncompressedSize > MAX_LINK_BYTES || entry.compressedSize > 2 * MAX_LINK_BYTES)
    return unreadable(`${path} is a symbolic link of ${entry.uncompressedSize} bytes`)
  const content = await smallContent(bytes, entry)
  return content instanceof PackageProblem ? content : content.toString()
}

const inflate = promisify(inflateRaw) as (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

/** The way to another thread and back costs more than to inflate so much: some 100 microseconds. */
const AT_ONCE_BYTES = 64 * 1024

function inflated(packed: Buffer, size: number): Buffer | Promise<Buffer> {
  const options = { maxOutputLength: Math.max(1, size) }
  return size <= AT_ONCE_BYTES ? inflateRawSync(packed, options) : inflate(packed, options)
}

/** The content of an entry in one piece, of exactly the declared size. */
export async function smallContent(bytes: ZipBytes, entry: Entry): Promise<Buffer | PackageProblem> {
  try {
    const { fileDataStart } = await bytes.zip.readLocalFileHeaderPromise(entry, { minimal: true })
    const packed = await bytes.read(fileDataStart, entry.compressedSize)
    const content = entry.compressionMethod === STORED ? packed : await inflated(packed, entry.uncompressedSize)
    if (content.length === entry.uncompressedSize) return content
    return unreadable(`${entry.fileName} has ${content.length} bytes, not ${entry.uncompressedSize}`)
  } catch (error) {
    return unreadable(`${entry.fileName}: ${(error as Error).message}`)
  }
}

const tooMany = (count: number): PackageProblem =>
  unreadable(`there are ${count} files and folders in it: at most ${MAX_ENTRIES}`)
