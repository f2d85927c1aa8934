// What a chaos run asks, and what has to come back: both sides work all of it out from the number of the request.

const BASE_LENGTH = 65_536
/** Bytes between two marks: what is cut out, swapped or said twice is seen, whatever its length. */
const MARK_EVERY = 512
const KIB = 1024

/**
 * mulberry32.
 *
 * @param {number} seed
 * @returns {() => number} numbers from 0 up to 1
 */
export function randomFrom(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

// Every byte but "~", which marks the number.
const random = randomFrom(1)
const base = Buffer.from(Array.from({ length: BASE_LENGTH }, () => (Math.floor(random() * 255) + 127) % 256))

/** @param {number} number */
export const token = (number) => `~${number}~`

/**
 * The number that a text or the beginning of a body is about.
 *
 * @param {string} text
 */
export const numberIn = (text) => Number(/~(\d+)~/.exec(text)?.[1])

/**
 * A body: the number first, then bytes that no other number, side or place has.
 *
 * @param {number} number
 * @param {'asked' | 'answered'} side
 * @param {number} length
 * @returns {Buffer}
 */
export function bodyOf(number, side, length) {
  const body = Buffer.allocUnsafe(length)
  let from = (number * 7919 + (side === 'asked' ? 0 : 4111)) % BASE_LENGTH
  for (let at = 0; at < length;) {
    const copied = base.copy(body, at, from)
    at += copied
    from = 0
  }
  for (let at = 0; at < length; at += MARK_EVERY) body.write(`|${number}${side}${at}|`, at, 'latin1')
  body.write(token(number), 0, 'latin1')
  return body
}

/**
 * Most are small, some are more than a buffer, a few more than a window of HTTP/2.
 *
 * @param {() => number} next
 */
function lengthFrom(next) {
  const size = next()
  if (size < 0.65) return 16 + Math.floor(next() * 2 * KIB)
  if (size < 0.9) return Math.floor(next() * 40 * KIB) + 16
  return Math.floor(next() * 400 * KIB) + 16
}

/**
 * @param {number} number
 */
export function orderOf(number) {
  const next = randomFrom(number)
  for (let warm = 0; warm < 3; warm++) next()
  const slow = next()
  return {
    /** Bytes of the request body, for what has one. */
    askedLength: lengthFrom(next),
    askedChunked: next() < 0.5,
    /** The request body leaves in so many pieces, with pauses. */
    askedPieces: next() < 0.3 ? 1 + Math.floor(next() * 5) : 1,
    answeredLength: lengthFrom(next),
    answeredChunked: next() < 0.5,
    answeredPieces: next() < 0.3 ? 1 + Math.floor(next() * 5) : 1,
    /** Milliseconds that the upstream thinks. */
    thinkMs: slow < 0.6 ? 0 : slow < 0.9 ? Math.floor(next() * 100) : Math.floor(next() * 800),
    /** Milliseconds between two pieces, of either side. */
    pauseMs: Math.floor(next() * 80),
  }
}

/**
 * Cuts a body into about equal pieces.
 *
 * @param {Buffer} body
 * @param {number} count
 */
export function piecesOf(body, count) {
  const size = Math.max(1, Math.ceil(body.length / count))
  const pieces = []
  for (let at = 0; at < body.length; at += size) pieces.push(body.subarray(at, at + size))
  return pieces
}
