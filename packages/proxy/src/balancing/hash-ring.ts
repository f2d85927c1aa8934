import type { Backend } from './backend.ts'
import { CRC32_START, crc32End, crc32Text, crc32Uint32 } from './crc32.ts'

/** Points of a node of weight 1: nginx's number (40 groups of 4 in the original ketama). */
const POINTS_PER_WEIGHT = 160

/**
 * Most points of one ring: 2^17 x 6 bytes = 768 KiB. It is reached at a total weight of 819; above, all nodes
 * get proportionally fewer points (at least one), where nginx would go on to grow.
 */
const MAX_POINTS = 131_072

/** A packed point is hash * 2^16 + index, below 2^48: exact in a double, and sorted natively as a number. */
const INDEX_SPAN = 65_536

/**
 * The ring of nginx's `hash ... consistent`, which is that of Cache::Memcached::Fast: point by point the same, so that
 * a key keeps its node when the gateway takes nginx's place. Nodes must be written as in nginx's `server` lines.
 */
export class HashRing {
  /** Ascending, each once. */
  readonly #hashes: Uint32Array
  /** Index of the node that owns the point. */
  readonly #owners: Uint16Array

  constructor(backends: readonly Backend[]) {
    const points = sortedPoints(backends)
    const hashes = new Uint32Array(points.length)
    const owners = new Uint16Array(points.length)
    let size = 0
    // Plain loops: `from` with a mapping function goes through an iterator, and took most of the time.
    for (let index = 0; index < points.length; index++) {
      const hash = Math.floor(points[index] / INDEX_SPAN)
      // Of points with the same hash the node written first keeps its own.
      if (size > 0 && hashes[size - 1] === hash) continue
      hashes[size] = hash
      owners[size++] = points[index] - hash * INDEX_SPAN
    }
    this.#hashes = hashes.subarray(0, size)
    this.#owners = owners.subarray(0, size)
  }

  get size(): number {
    return this.#hashes.length
  }

  /** Position of the first point at or after the key's hash; behind the last point the ring begins again. */
  find(key: string): number {
    const hash = crc32End(crc32Text(CRC32_START, key))
    const hashes = this.#hashes
    let low = 0
    let high = hashes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (hashes[middle] < hash) low = middle + 1
      else high = middle
    }
    return low === hashes.length ? 0 : low
  }

  owner(position: number): number {
    return this.#owners[position]
  }
}

/** All points, packed and sorted. */
function sortedPoints(backends: readonly Backend[]): Float64Array {
  const wanted = backends.reduce((sum, backend) => sum + backend.weight, 0) * POINTS_PER_WEIGHT
  const share = Math.min(1, MAX_POINTS / wanted)
  const counts = backends.map((backend) => Math.max(1, Math.floor(backend.weight * POINTS_PER_WEIGHT * share)))
  const points = new Float64Array(counts.reduce((sum, count) => sum + count, 0))
  let filled = 0
  for (const [index, backend] of backends.entries()) {
    const base = nodeState(backend.address)
    let hash = 0
    for (let left = counts[index]; left > 0; left--) {
      hash = crc32End(crc32Uint32(base, hash))
      points[filled++] = hash * INDEX_SPAN + index
    }
  }
  return points.sort()
}

/**
 * Host, NUL, port: the port is what stands behind the last colon if it is all digits (so `[::1]` keeps its brackets and
 * has none), and of a unix socket the path is the host.
 */
function nodeState(address: string): number {
  // To UTF-8, one character per byte: a path may hold any character, and nginx hashes the bytes of its file.
  const name = Buffer.from(address.replace(/^unix:/, ''), 'utf8').toString('latin1')
  const port = address.startsWith('unix:') ? '' : (/:(\d*)$/.exec(name)?.[1] ?? '')
  const host = port === '' ? name : name.slice(0, -port.length - 1)
  return crc32Text(CRC32_START, `${host}\0${port}`)
}
