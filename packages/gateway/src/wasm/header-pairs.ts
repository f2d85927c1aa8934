import { latin1Text } from '@sekisho/wire'

/**
 * Maps as the proxy-wasm ABI writes them ("serialized"): a count, two lengths for each pair, then keys and values with a NUL behind each.
 * Little-endian, 32 bits.
 *
 *     n  keyLength valueLength  …  key \0 value \0  …
 */

export type HeaderPair = readonly [name: string, value: string]

/** Pairs that a guest may hand over at once: more than any head may have. */
export const MAX_PAIRS = 1_000

/** Bytes of these pairs, as latin1. */
export function pairsSize(pairs: readonly HeaderPair[]): number {
  let size = 4
  for (const [name, value] of pairs) size += 8 + name.length + 1 + value.length + 1
  return size
}

/** Writes pairs (latin1) to `bytes` at `at`, where `pairsSize(pairs)` bytes are free. */
export function writePairs(bytes: Buffer, at: number, pairs: readonly HeaderPair[]): void {
  bytes.writeUInt32LE(pairs.length, at)
  let lengths = at + 4
  let text = at + 4 + 8 * pairs.length
  for (const [name, value] of pairs) {
    bytes.writeUInt32LE(name.length, lengths)
    bytes.writeUInt32LE(value.length, lengths + 4)
    lengths += 8
    bytes.write(name, text, 'latin1')
    text += name.length
    bytes[text++] = 0
    bytes.write(value, text, 'latin1')
    text += value.length
    bytes[text++] = 0
  }
}

/**
 * Reads pairs from bytes of a stranger. The NUL behind the last value may be missing: some SDKs leave it out.
 * @returns undefined when lengths do not fit the bytes
 */
export function readPairs(bytes: Buffer): HeaderPair[] | undefined {
  if (bytes.length === 0) return []
  if (bytes.length < 4) return undefined
  const count = bytes.readUInt32LE(0)
  if (count > MAX_PAIRS || 4 + 8 * count > bytes.length) return undefined
  const pairs: HeaderPair[] = []
  let at = 4 + 8 * count
  for (let index = 0; index < count; index++) {
    const nameLength = bytes.readUInt32LE(4 + 8 * index)
    const valueLength = bytes.readUInt32LE(8 + 8 * index)
    const valueAt = at + nameLength + 1
    const end = valueAt + valueLength
    if (end > bytes.length) return undefined
    pairs.push([latin1Text(bytes, at, at + nameLength), latin1Text(bytes, valueAt, end)])
    at = end + 1
  }
  return pairs
}
