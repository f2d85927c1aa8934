import type { Readable } from 'node:stream'
import type { ZipSource } from '../zip/zip-bytes.ts'

export interface StoredPackage {
  readonly size: number
  /** To be read to its end or destroyed. */
  readonly stream: Readable
}

/** Where zips are kept as they were sent, by the SHA-256 of all their bytes (hexadecimal). */
export interface PackageStore {
  /** Durable when it resolves. Does nothing when it is there. */
  put(sha256: string, source: ZipSource, size: number): Promise<void>
  open(sha256: string): Promise<StoredPackage | undefined>
  remove(sha256: string): Promise<void>
  /** All there are. */
  list(): Promise<readonly string[]>
  /** Ready to take something: a folder that can be written, a bucket that answers. Rejects with what is wrong. */
  check(): Promise<void>
}
