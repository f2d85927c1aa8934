import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  fstatSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { StoreError } from '../backend/store-error.ts'
import { EmbeddedDatabase } from './database.ts'
import { DamagedStoreError } from './damaged.ts'
import { FORMAT } from './records.ts'

/** No store of ours is larger by far: 512 MiB of documents, 256 MiB of history, and pages that are free. */
const MAX_FILE_BYTES = 64 * 1024 ** 3

/**
 * Makes the file when there is none: written under another name and renamed, so that a file without a state in it is always damage and
 * never a start that was cut off. A lock file without its store is damage, too: the store was there.
 */
export async function prepareDataFile(file: string): Promise<void> {
  if (existsSync(file)) return repairLength(file)
  if (existsSync(`${file}-lock`))
    throw new StoreError(
      `the store ${file} is gone, and was there before: put it or a backup back in its place. To begin with an empty store, ` +
        `remove ${file}-lock`,
    )
  const fresh = `${file}.new`
  for (const leftover of [fresh, `${fresh}-lock`]) rmSync(leftover, { force: true })
  const database = await EmbeddedDatabase.open(fresh)
  database.write(() =>
    database.putState({
      format: FORMAT,
      revision: 0,
      firstRevision: 1,
      documents: 0,
      documentBytes: 0,
      historyBytes: 0,
      writer: '',
    }),
  )
  await database.close()
  rmSync(`${fresh}-lock`, { force: true })
  renameSync(fresh, file)
  syncFolder(dirname(file))
}

/** A new name in a folder survives a power failure when the folder is on the disk, too. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * LMDB maps the file: reading a page behind its end is SIGBUS, the end of the process. A file that was cut off is given its length
 * back, as a hole: the pages that are missing are then empty ones, and reading them is an error with a name. (A healthy file may be
 * shorter, too: pages that were taken and given back within one transaction are never written.)
 */
function repairLength(file: string): void {
  const descriptor = openSync(file, 'r+')
  try {
    const { size } = fstatSync(descriptor)
    const expected = checkedLength(file, descriptor, size)
    if (expected > size) ftruncateSync(descriptor, expected)
  } finally {
    closeSync(descriptor)
  }
}

/** For who reads only. Opening a file that LMDB refuses can end the process, too. */
export function checkDataFile(file: string): void {
  if (!existsSync(file)) throw new StoreError(`there is no store: ${file} does not exist`)
  const descriptor = openSync(file, 'r')
  try {
    checkedLength(file, descriptor, fstatSync(descriptor).size)
  } finally {
    closeSync(descriptor)
  }
}

/** Of the two meta pages of LMDB, which each commit writes in turn; offsets as on 64-bit machines, of format 2 (`MDB_meta`). */
const META = { magic: 24, version: 28, pageSize: 48, lastPage: 144, end: 160 }
const MAGIC = 0xbeefc0de
const VERSION = 2
const PAGE_SIZES = [4_096, 8_192, 16_384, 32_768, 65_536]
const LAID_OUT_OTHERWISE = ['arm', 'ia32', 'mips', 'mipsel', 'ppc', 's390']

/** @returns what the headers say */
function checkedLength(file: string, descriptor: number, size: number): number {
  if (LAID_OUT_OTHERWISE.includes(process.arch)) return size
  if (size < META.end) throw new DamagedStoreError(file, `it has ${size} bytes, and its first page alone has more`)
  const first = readMeta(descriptor, 0)
  const second = first === undefined ? undefined : readMeta(descriptor, first.pageSize)
  if (first === undefined || second === undefined) throw new DamagedStoreError(file, 'its header is not one of a store')
  const expected = Math.max(first.bytes, second.bytes)
  if (expected > MAX_FILE_BYTES) throw new DamagedStoreError(file, 'its header is not one of a store')
  return expected
}

function readMeta(descriptor: number, offset: number): { pageSize: number; bytes: number } | undefined {
  const meta = Buffer.alloc(META.end)
  if (readSync(descriptor, meta, 0, META.end, offset) < META.end) return undefined
  if (meta.readUInt32LE(META.magic) !== MAGIC || meta.readUInt32LE(META.version) !== VERSION) return undefined
  const pageSize = meta.readUInt32LE(META.pageSize)
  if (!PAGE_SIZES.includes(pageSize)) return undefined
  return { pageSize, bytes: (Number(meta.readBigUInt64LE(META.lastPage)) + 1) * pageSize }
}
