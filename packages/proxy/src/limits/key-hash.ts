/**
 * HalfSipHash-1-3 with a 64-bit result (Aumasson and Bernstein; the variant Linux uses for its hash tables on 32-bit
 * machines), over the UTF-16 code units of a string. Keys come from clients (addresses, headers), so whoever does not know
 * the seed must not be able to make two keys meet: FNV and MurmurHash3 have collisions for every seed, which rules them
 * out, and SipHash proper needs 64-bit integers, which JavaScript does not have.
 *
 * The result is left in `low` and `high` instead of being returned, so that nothing is allocated.
 */
export class KeyHash {
  low = 0
  high = 0

  /** Hashes `text` under the 64-bit seed (seed0, seed1). */
  compute(seed0: number, seed1: number, text: string): void {
    let v0 = seed0
    let v1 = seed1 ^ 0xee
    let v2 = seed0 ^ 0x6c796765
    let v3 = seed1 ^ 0x74656462
    const length = text.length
    // Words of two code units each; the last word holds what is left over and the length, and is always there.
    const words = (length >> 1) + 1
    for (let word = 0; word < words; word++) {
      const at = word << 1
      let message: number
      if (at + 1 < length) message = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16)
      else message = (at < length ? text.charCodeAt(at) : 0) | (length << 16)
      v3 ^= message
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= message
    }
    v2 ^= 0xee
    // Three rounds for the low half, and three more for the high half.
    for (let round = 0; round < 6; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      if (round === 2) {
        this.low = v1 ^ v3
        v1 ^= 0xdd
      }
    }
    this.high = v1 ^ v3
  }
}
