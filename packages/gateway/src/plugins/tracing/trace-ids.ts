import { randomFillSync } from 'node:crypto'

/** 16 bytes of the generator cost 1.7 µs, 4 KiB cost 3 µs. */
const pool = Buffer.allocUnsafe(4_096)
let used = pool.length

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const hex = pool.toString('hex', used, used + bytes)
  used += bytes
  return hex
}

/** 32 hexadecimal digits. All zeros, which is no identifier, comes once in 2^128. */
export const newTraceId = (): string => randomHex(16)
/** 16 hexadecimal digits. */
export const newSpanId = (): string => randomHex(8)
