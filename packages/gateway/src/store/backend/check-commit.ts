import type { Condition, DocumentKey, Write } from './backend.ts'

/** As etcd's default limit of a request. */
export const MAX_DOCUMENT_BYTES = 1.5 * 1024 * 1024

/** Longest id is 64 characters; the rest is for others who write into a shared store. */
export const MAX_KEY_BYTES = 512

/** A whole configuration of 50,000 routes is one commit. */
export const MAX_COMMIT_WRITES = 100_000

export const MAX_COMMIT_BYTES = 64 * 1024 * 1024

/** Ten years. */
export const MAX_TTL_SECONDS = 315_360_000

/**
 * What both backends ask of a commit before they touch anything. Not what a document means: only what a store can keep.
 * @returns why it is refused
 */
export function checkCommit(writes: readonly Write[], conditions: readonly Condition[]): string | undefined {
  if (writes.length > MAX_COMMIT_WRITES)
    return `a commit of ${writes.length} documents: at most ${MAX_COMMIT_WRITES} at once, send them in parts`
  const seen = new Set<DocumentKey>()
  let total = 0
  for (const { key, value, ttlSeconds } of writes) {
    const problem = checkKey(key) ?? checkValue(key, value) ?? checkTtl(key, ttlSeconds)
    if (problem !== undefined) return problem
    if (seen.has(key)) return `${key} is written twice in one commit: once is enough`
    seen.add(key)
    total += value === undefined ? 0 : Buffer.byteLength(value)
  }
  if (total > MAX_COMMIT_BYTES)
    return `a commit of ${total} bytes: at most ${MAX_COMMIT_BYTES} at once, send it in parts`
  for (const { key } of conditions) {
    const problem = checkKey(key)
    if (problem !== undefined) return problem
  }
  return undefined
}

function checkKey(key: string): string | undefined {
  const slash = key.indexOf('/')
  if (slash < 1 || slash === key.length - 1) return `${JSON.stringify(key)} is no key: a key is kind/id`
  if (Buffer.byteLength(key) > MAX_KEY_BYTES)
    return `the key ${key.slice(0, 40)}… is longer than ${MAX_KEY_BYTES} bytes: take a shorter id`
  // NUL ends keys in lmdb; half a surrogate pair has no bytes in UTF-8.
  if (key.includes('\0') || HALF_PAIR.test(key))
    return `the key ${JSON.stringify(key)} has characters that no id may have`
  return undefined
}

function checkValue(key: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const bytes = Buffer.byteLength(value)
  if (bytes > MAX_DOCUMENT_BYTES) return `${key} has ${bytes} bytes: at most ${MAX_DOCUMENT_BYTES} for one document`
  if (HALF_PAIR.test(value))
    return `${key} has half a surrogate pair in it, which UTF-8 cannot express: repair the text`
  return undefined
}

function checkTtl(key: string, ttlSeconds: number | undefined): string | undefined {
  if (ttlSeconds === undefined) return undefined
  const valid = Number.isInteger(ttlSeconds) && ttlSeconds >= 1 && ttlSeconds <= MAX_TTL_SECONDS
  return valid ? undefined : `the time to live of ${key} must be whole seconds from 1 to ${MAX_TTL_SECONDS}`
}

const HALF_PAIR = /\p{Surrogate}/u
