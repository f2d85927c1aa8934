import { randomBytes, randomFillSync } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { latin1TextOf } from '@sekisho/wire'
import { KeyHash } from '../../limits/key-hash.ts'
import { PIECE_BYTES, TEXT_BYTES, type BodyReader, type StoredMeta, type StoredResponse } from '../stored-response.ts'
import type { CacheStore, CacheUsage } from './cache-store.ts'
import { PurgeJournal } from './purge-journal.ts'
import { SEQUENCE_CELL, type PurgeTable } from './purge-table.ts'
import { crcOf, decodeMeta, encodeMeta, metaBytes } from './record.ts'
import { NONE, SharedIndex } from './shared-index.ts'

/** What a file takes is counted in blocks of the file system. */
const UNIT_BYTES = 4_096
const MIN_SLOTS = 1_024
const MAX_SLOTS = 1_048_576
/** Heads, keys and small bodies come with the first read. */
const FIRST_READ = 16_384
/** Bytes that wait to be written, of one worker; what is over is not stored. */
const MAX_PENDING_BYTES = 67_108_864
/** What a word of the index holds. */
const MAX_LENGTH = 0x7fffffff
/** Numbers of purges that one record of the journal stands for: most purges are of what is not stored, and not worth one. */
const RESERVED_NUMBERS = 4_096
/** Files looked at together when a folder is read after a start. */
const SCAN_BATCH = 64

export interface DiskStoreOptions {
  /** Of `DiskStore.createBuffer`, shared by all workers. */
  readonly buffer: SharedArrayBuffer
  readonly folder: string
  readonly purges: PurgeTable
  /** Told of what cannot be read or written. */
  readonly onProblem?: (error: unknown) => void
}

/**
 * Responses in files, one each, found again after a restart. The file system keeps the space, and its rename is what makes an entry whole or not there:
 * a file gets its name when all of it is written. What is in the files is not believed: key, length and checksums are compared when one is read. Which files
 * there are, and which goes when they take too much, is in an index that all workers share; it is built anew from the names and sizes after a start.
 * All reading and writing is off the event loop, but for the few bytes that the first worker reads when the store is opened.
 */
export class DiskStore implements CacheStore {
  /** The folder's files are in the index (for the worker that read it; at once for others). */
  readonly ready: Promise<void>
  private readonly index: SharedIndex
  private readonly folder: string
  private readonly purges: PurgeTable
  private readonly journal: PurgeJournal
  private readonly hash = new KeyHash()
  private readonly onProblem: (error: unknown) => void
  /** Entries that left the index, by hash: their files are to go. */
  private doomed: string[] = []
  private pendingBytes = 0
  /** The journal says that purges up to this number may have been: what is stored with a smaller one is older than each purge of the next process. */
  private reserved = 0
  /** Tells the files of this worker from those of others that it is just writing. */
  private readonly id = randomBytes(6).toString('hex')
  private writes = 0
  private closed = false
  private readonly running = new Set<Promise<unknown>>()

  static createBuffer(capacityBytes: number): SharedArrayBuffer {
    const capacity = Math.max(16, Math.floor(capacityBytes / UNIT_BYTES))
    return SharedIndex.createBuffer({ slots: Math.min(MAX_SLOTS, Math.max(MIN_SLOTS, capacity)), capacity })
  }

  constructor(options: DiskStoreOptions) {
    this.folder = options.folder
    this.purges = options.purges
    this.onProblem = options.onProblem ?? (() => undefined)
    this.journal = new PurgeJournal(this.folder)
    this.index = new SharedIndex(options.buffer, (slot) => this.doomed.push(nameOf(this.index.hashOf(slot))))
    this.ready = this.begin() ? this.track(this.scan()) : Promise.resolve()
  }

  get usage(): CacheUsage {
    const { entries, usedUnits, evictions } = this.index
    return { entries, bytes: usedUnits * UNIT_BYTES, evictions }
  }

  isCurrent(stored: StoredResponse): boolean {
    return this.index.generationOf(stored.slot) === stored.generation
  }

  used(stored: StoredResponse): void {
    this.index.use(stored.slot)
  }

  /** Keeps a purge for the next start. */
  keepPurge(cell: number, number: number): Promise<void> {
    return this.journal.append(cell, number)
  }

  async close(): Promise<void> {
    this.closed = true
    // One may begin another.
    while (this.running.size > 0) await Promise.allSettled([...this.running])
  }

  get(key: string): StoredResponse | undefined | Promise<StoredResponse | undefined> {
    const { index, hash } = this
    hash.compute(index.seed0, index.seed1, key)
    const { low, high } = hash
    this.lock()
    const slot = index.find(low, high)
    if (slot !== NONE) index.use(slot)
    const generation = slot === NONE ? 0 : index.generationOf(slot)
    index.release()
    if (slot !== NONE) return this.track(this.load(key, this.pathOf(nameOf([low, high])), slot, generation))
    return index.filling ? this.track(this.adopt(key, low, high)) : undefined
  }

  put(meta: StoredMeta, body: readonly Uint8Array[]): Promise<void> {
    return this.track(this.keep(meta, body))
  }

  private async keep(meta: StoredMeta, body: readonly Uint8Array[]): Promise<void> {
    const pieces = body.length === 1 && body[0].length <= PIECE_BYTES ? body : piecesOf(body)
    const head = encodeMeta(meta, pieces.map(crcOf))
    const size = head.length + meta.bodyLength
    const units = Math.ceil(size / UNIT_BYTES)
    if (this.closed || units > this.index.capacity / 8 || this.pendingBytes + size > MAX_PENDING_BYTES) {
      this.delete(meta.key)
      return
    }
    this.hash.compute(this.index.seed0, this.index.seed1, meta.key)
    const { low, high } = this.hash
    const name = nameOf([low, high])
    this.pendingBytes += size
    try {
      if (meta.sequence >= this.reserved) {
        const upTo = meta.sequence + RESERVED_NUMBERS
        await this.journal.append(SEQUENCE_CELL, upTo)
        this.reserved = upTo
      }
      await this.write(name, [head, ...pieces], size)
    } finally {
      this.pendingBytes -= size
    }
    this.lock()
    const slot = this.index.insert(low, high, units)
    if (slot !== NONE) this.index.setPayload(slot, 0, Math.min(size, MAX_LENGTH))
    const own = slot === NONE ? undefined : name
    this.index.release()
    this.removeDoomed(own)
    if (slot === NONE) this.remove(name)
  }

  delete(key: string): void {
    const { index, hash } = this
    hash.compute(index.seed0, index.seed1, key)
    const { low, high } = hash
    this.lock()
    const slot = index.find(low, high)
    if (slot !== NONE) index.remove(slot)
    index.release()
    this.removeDoomed(undefined)
  }

  /** @returns whether this worker is the first, and is to read the folder */
  private begin(): boolean {
    this.lock()
    const first = this.index.begin()
    try {
      if (first) {
        this.index.filling = true
        mkdirSync(this.folder, { recursive: true })
        this.index.setSeed(seedOf(join(this.folder, 'seed')))
        this.journal.restore(this.purges)
      }
    } catch (error) {
      this.onProblem(error)
    }
    this.index.release()
    return first
  }

  private lock(): void {
    // Entries of a half changed index are lost; their files are found again by the next start.
    if (!this.index.acquire()) this.index.reset()
  }

  private pathOf(name: string): string {
    return join(this.folder, name.slice(0, 2), name)
  }

  /** A file that the reading of the folder has not come to. */
  private async adopt(key: string, low: number, high: number): Promise<StoredResponse | undefined> {
    const { index } = this
    const path = this.pathOf(nameOf([low, high]))
    const size = await stat(path).then(
      (found) => found.size,
      () => -1,
    )
    if (size < 0) return undefined
    this.lock()
    const slot = this.enter(low, high, size)
    const generation = slot === NONE ? 0 : index.generationOf(slot)
    index.release()
    this.removeDoomed(undefined)
    return slot === NONE ? undefined : this.load(key, path, slot, generation)
  }

  /** The place of a file in the index, made where it is not there. With the lock held. */
  private enter(low: number, high: number, size: number): number {
    const known = this.index.find(low, high)
    if (known !== NONE) return known
    const slot = this.index.insert(low, high, Math.ceil(size / UNIT_BYTES))
    if (slot !== NONE) this.index.setPayload(slot, 0, Math.min(size, MAX_LENGTH))
    return slot
  }

  private async load(key: string, path: string, slot: number, generation: number): Promise<StoredResponse | undefined> {
    let file: FileHandle | undefined
    try {
      file = await open(path, 'r')
      const { size } = await file.stat()
      const first = await readAt(file, 0, Math.min(FIRST_READ, size))
      const from = metaBytes(first)
      if (from < 0 || from > size) return this.damaged(key)
      const decoded = decodeMeta(from <= first.length ? first : await readAt(file, 0, from))
      if (decoded === undefined) return this.damaged(key)
      const { meta, checks } = decoded
      // Another key under the same hash: not damaged, and not ours.
      if (meta.key !== key) return undefined
      const { bodyLength } = meta
      // A number of a purge that this store knows nothing of: its journal was lost.
      if (from + bodyLength !== size || meta.sequence > this.purges.sequence) return this.damaged(key)
      let text: string | undefined
      if (bodyLength <= TEXT_BYTES) {
        const body =
          from + bodyLength <= first.length
            ? first.subarray(from, from + bodyLength)
            : await readAt(file, from, bodyLength)
        if (bodyLength > 0 && crcOf(body) !== checks[0]) return this.damaged(key)
        text = bodyLength === 0 ? '' : latin1TextOf(body)
      }
      const openBody = (): BodyReader => new FileBody(path, from, bodyLength, checks)
      return { ...meta, text, slot, generation, openBody }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.onProblem(error)
      this.delete(key)
      return undefined
    } finally {
      await file?.close().catch(() => undefined)
    }
  }

  private damaged(key: string): undefined {
    this.onProblem(new Error(`a stored response is damaged: ${key}`))
    this.delete(key)
    return undefined
  }

  private async write(name: string, pieces: readonly Uint8Array[], size: number): Promise<void> {
    const path = this.pathOf(name)
    const temporary = `${path}.${process.pid}.${this.id}.${++this.writes}.tmp`
    await mkdir(join(this.folder, name.slice(0, 2)), { recursive: true })
    const file = await open(temporary, 'wx')
    try {
      let written = 0
      for (let at = 0; at < pieces.length; at += 512) {
        const batch = pieces.slice(at, at + 512)
        const wanted = batch.reduce((sum, piece) => sum + piece.length, 0)
        const { bytesWritten } = await file.writev(batch)
        if (bytesWritten !== wanted) throw new Error(`only ${written + bytesWritten} of ${size} bytes could be written`)
        written += bytesWritten
      }
      await file.close()
      await rename(temporary, path)
    } catch (error) {
      await file.close().catch(() => undefined)
      await unlink(temporary).catch(() => undefined)
      throw error
    }
  }

  private removeDoomed(but: string | undefined): void {
    if (this.doomed.length === 0) return
    const names = this.doomed
    this.doomed = []
    for (const name of names) if (name !== but) this.remove(name)
  }

  private remove(name: string): void {
    void this.track(
      unlink(this.pathOf(name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') this.onProblem(error)
      }),
    )
  }

  /** Puts the files of the folder into the index, the oldest first: they are the first to go. What was not finished is removed. */
  private async scan(): Promise<void> {
    const found: { readonly name: string; readonly size: number; readonly at: number }[] = []
    try {
      for (const folder of await readdir(this.folder)) {
        if (!/^[0-9a-f]{2}$/.test(folder)) continue
        const names = await readdir(join(this.folder, folder))
        for (let at = 0; at < names.length && !this.closed; at += SCAN_BATCH) {
          const batch = names.slice(at, at + SCAN_BATCH)
          const stats = await Promise.all(batch.map((name) => this.look(folder, name)))
          for (const one of stats) if (one !== undefined) found.push(one)
        }
      }
    } catch (error) {
      this.onProblem(error)
    }
    found.sort((a, b) => a.at - b.at)
    for (const { name, size } of found) {
      const low = Number.parseInt(name.slice(0, 8), 16) | 0
      const high = Number.parseInt(name.slice(8), 16) | 0
      this.lock()
      if (this.enter(low, high, size) === NONE) this.doomed.push(name)
      this.index.release()
    }
    this.index.filling = false
    this.removeDoomed(undefined)
  }

  private async look(folder: string, name: string) {
    const path = join(this.folder, folder, name)
    try {
      const { size, mtimeMs, birthtimeMs } = await stat(path)
      if (/^[0-9a-f]{16}$/.test(name)) return { name, size, at: mtimeMs }
      // Another process may be writing it just now: one that is being replaced.
      if (Date.now() - Math.max(mtimeMs, birthtimeMs) > UNFINISHED_MS) await unlink(path)
    } catch {
      // It went meanwhile.
    }
    return undefined
  }

  private track<T>(task: Promise<T>): Promise<T> {
    this.running.add(task)
    const done = (): void => void this.running.delete(task)
    task.then(done, done)
    return task
  }
}

const UNFINISHED_MS = 60_000

/** A large body, read and checked a piece at a time. */
class FileBody implements BodyReader {
  private readonly path: string
  private readonly from: number
  private readonly length: number
  private readonly checks: readonly number[]
  private file: Promise<FileHandle> | undefined
  private closed = false

  constructor(path: string, from: number, length: number, checks: readonly number[]) {
    this.path = path
    this.from = from
    this.length = length
    this.checks = checks
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    if (this.closed) throw new Error('the file was closed')
    this.file ??= open(this.path, 'r')
    const file = await this.file
    const piece = Math.floor(start / PIECE_BYTES)
    const pieceStart = piece * PIECE_BYTES
    const bytes = await readAt(file, this.from + pieceStart, Math.min(PIECE_BYTES, this.length - pieceStart))
    if (crcOf(bytes) !== this.checks[piece]) throw new Error('a stored body is damaged')
    return bytes.subarray(start - pieceStart, Math.min(bytes.length, end - pieceStart))
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.file?.then((file) => file.close()).catch(() => undefined)
  }
}

/** Throws when there is less. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, position + at)
    if (bytesRead === 0) throw new Error('a stored file is shorter than it was')
    at += bytesRead
  }
  return bytes
}

/** The body cut where its checks are. */
function piecesOf(body: readonly Uint8Array[]): Uint8Array[] {
  const whole = body.length === 1 ? body[0] : Buffer.concat(body)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < whole.length; at += PIECE_BYTES) pieces.push(whole.subarray(at, at + PIECE_BYTES))
  return pieces
}

const word = (value: number): string => (value >>> 0).toString(16).padStart(8, '0')
const nameOf = ([low, high]: readonly [number, number]): string => word(low) + word(high)

/** The hash of keys must be the same after a restart, and not known outside. */
function seedOf(path: string): [number, number] {
  try {
    const bytes = readFileSync(path)
    if (bytes.length === 8) return [bytes.readInt32LE(0), bytes.readInt32LE(4)]
  } catch {
    // Made now.
  }
  const seed = randomFillSync(Buffer.alloc(8))
  writeFileSync(path, seed, { mode: 0o600 })
  return [seed.readInt32LE(0), seed.readInt32LE(4)]
}
