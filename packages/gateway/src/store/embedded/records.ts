import { crc32 } from 'node:zlib'
import type { Author, DocumentKey } from '../backend/backend.ts'
import { DamagedRecord } from './damaged.ts'

/** A document as it is kept. */
export interface DocumentRecord {
  readonly createRevision: number
  readonly revision: number
  /** Milliseconds since 1970; 0: it stays. */
  readonly expiresAt: number
  readonly value: string
}

/** What is known of the store as a whole. Written by every commit. */
export interface StoreState {
  readonly format: typeof FORMAT
  revision: number
  /** Of the oldest entry of the history that is kept. */
  firstRevision: number
  documents: number
  documentBytes: number
  historyBytes: number
  /** The process that may write; see `WriterLock`. */
  writer: string
}

/** One commit of the history; what it changed is kept in records of their own, so that none grows with the size of a commit. */
export interface HistoryHeader {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly author: Author | undefined
  readonly changes: number
  /** Of all its records. */
  readonly bytes: number
}

export interface HistoryChange {
  readonly key: DocumentKey
  readonly before: DocumentRecord | undefined
  readonly after: DocumentRecord | undefined
}

export const FORMAT = 1

/**
 * LMDB has no checksums: without ours a flipped bit in a document would become configuration. The name is part of the sum, so a
 * record under another one's name is noticed, too. `CRC32 in 8 hexadecimal digits, text`.
 */
export function seal(name: string, text: string): string {
  return checksum(name, text) + text
}

export function unseal(name: string, record: unknown): string {
  if (typeof record !== 'string') throw new DamagedRecord(`${name} is missing`)
  const text = record.slice(8)
  if (record.slice(0, 8) !== checksum(name, text)) throw new DamagedRecord(`the checksum of ${name} is wrong`)
  return text
}

/** The value stays as it is, behind a line of its own: it is read far more often than written. */
export function encodeDocument(key: DocumentKey, record: DocumentRecord): string {
  return seal(key, `${record.createRevision} ${record.revision} ${record.expiresAt}\n${record.value}`)
}

export function decodeDocument(key: DocumentKey, record: unknown): DocumentRecord {
  const text = unseal(key, record)
  const end = text.indexOf('\n')
  const [createRevision, revision, expiresAt] = text.slice(0, end).split(' ').map(Number)
  return { createRevision: createRevision!, revision: revision!, expiresAt: expiresAt!, value: text.slice(end + 1) }
}

export function encodeJson(name: string, value: object): string {
  return seal(name, JSON.stringify(value))
}

export function decodeJson<T>(name: string, record: unknown): T {
  return JSON.parse(unseal(name, record)) as T
}

const checksum = (name: string, text: string): string => crc32(text, crc32(name)).toString(16).padStart(8, '0')
