import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'
import { SECRET_NAMES } from './secret-names.ts'
import { decode, encode } from './testing/recording-sink.ts'

/** Few different ones, so that they come again; and any. */
const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('te', 'Te', 'accept', 'COOKIE', 'x-a', 'X-A', 'x-b', 'grpc-timeout', 'x') },
  { weight: 1, arbitrary: fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,40}$/) },
)
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('', 'trailers', '1', '2', 'a b', '\xff', 'long '.repeat(60) + '.') },
  { weight: 1, arbitrary: fc.stringMatching(/^([!-~\x80-\xff]([ -~\t\x80-\xff]{0,150}[!-~\x80-\xff])?)?$/) },
)
const gap = fc.constantFrom('', ' ', ' ', ' ', '\t ')
const line = fc.tuple(name, gap, value, gap)
const skip = fc.constantFrom(undefined, new Set(['te', 'x-a']), new Set(['cookie']))

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ lines: fc.array(line, { maxLength: 8 }), skip, again: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ tableSize: fc.constantFrom(0, 33, 100, 500, 4096, 100_000) }) },
)

describe('a sequence of heads', () => {
  it('is decoded to what was encoded, in lower case and without what was to be skipped', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.constantFrom(0, 40, 200, 4096, 20_000),
        (steps, maxTableSize) => {
          const encoder = new HpackEncoder(maxTableSize)
          const decoder = new HpackDecoder(100_000)
          for (const one of steps) {
            if ('tableSize' in one) {
              encoder.setPeerTableSize(one.tableSize)
              continue
            }
            const text = one.lines.map(([n, before, v, after]) => `${n}:${before}${v}${after}\r\n`).join('')
            const expected = one.lines
              .map(([n, , v]) => [n.toLowerCase(), v, SECRET_NAMES.has(n.toLowerCase()) && v !== ''])
              .filter(([n]) => one.skip?.has(n as string) !== true)
            for (let again = 0; again <= one.again; again++) {
              const bytes = encode(encoder, (to) => {
                to.field(':status', '200')
                to.block(text, one.skip)
              })
              expect(decode(decoder, bytes)).toEqual([[':status', '200', false], ...expected])
            }
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
