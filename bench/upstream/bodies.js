import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What both upstreams answer to any path but the ones below: 33 bytes, of which the first tells them apart. */
export const LETTERS = ['A', 'B']

/** @param {string} letter */
export function smallBody(letter) {
  return `${letter}n answer of thirty-three bytes.\n`
}

/** File name and length in bytes. @type {readonly (readonly [string, number])[]} */
export const LARGE_BODIES = [
  ['64k', 64 * 1024],
  ['1m', 1024 * 1024],
]

/** @param {string} dir */
export function writeLargeBodies(dir) {
  for (const [name, length] of LARGE_BODIES) writeFileSync(join(dir, name), Buffer.alloc(length, 'x'))
}
