import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** 192 bits as 32 characters. */
const KEY_BYTES = 24

/** Shorter ones are a mistake of whoever edited the file. */
const MIN_LENGTH = 16

export interface KeptKey {
  readonly key: string
  /** It was made now: whoever starts the gateway must be told. */
  readonly made: boolean
}

/**
 * The admin key of a node whose settings have none: made at the first start, and kept in a file that only its owner can read (0600).
 * @throws Error with what to do
 */
export function keyFromFile(path: string): KeptKey {
  try {
    return { key: readKey(path), made: false }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const key = randomBytes(KEY_BYTES).toString('base64url')
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    writeFileSync(path, `${key}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    // A neighbour's process was faster.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return { key: readKey(path), made: false }
    throw error
  }
  return { key, made: true }
}

function readKey(path: string): string {
  const key = readFileSync(path, 'utf8').trim()
  if (key.length < MIN_LENGTH)
    throw new Error(
      `${path} holds no admin key of at least ${MIN_LENGTH} characters; remove the file and a key is made at the next start`,
    )
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
  return key
}
