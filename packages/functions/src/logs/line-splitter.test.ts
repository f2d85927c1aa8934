import { expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../../../wire/src/testing/seeded-random.ts'
import { LineSplitter } from './line-splitter.ts'

function split(pieces: readonly (string | Uint8Array)[], maxBytes?: number): string[] {
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line), maxBytes)
  for (const piece of pieces) splitter.push(typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece))
  splitter.end()
  return lines
}

it('cuts at line ends, whatever the pieces', () => {
  expect(split(['a\nb', 'c\n', '\r\n', 'd\r\n\n', 'e'])).toEqual(['a', 'bc', '', 'd', '', 'e'])
  expect(split([])).toEqual([])
  expect(split(['a\n'])).toEqual(['a'])
})

it('keeps characters whole that came in two pieces', () => {
  const bytes = Buffer.from('größe\n')
  expect(split([bytes.subarray(0, 3), bytes.subarray(3)])).toEqual(['größe'])
})

it('cuts lines that are too long, but not a character', () => {
  expect(split(['abcdefgh\ni'], 3)).toEqual(['abc', 'def', 'gh', 'i'])
  expect(split(['aüü\n'], 4)).toEqual(['aü', 'ü'])
  expect(split([Buffer.alloc(9, 0x80)], 4).join('')).toHaveLength(9)
})

const SEED = fuzzSeed(5)
it(`loses nothing (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED)
  for (let run = 0; run < fuzzRuns(300); run++) {
    const text = Array.from({ length: random.below(80) }, () => random.pick(['a', 'ü', '関', '\n', '😀'])).join('')
    const bytes = Buffer.from(text)
    const pieces: Buffer[] = []
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + random.below(9))
      pieces.push(bytes.subarray(at, end))
      at = end
    }
    expect(split(pieces, 1000)).toEqual(
      text
        .replace(/\n$/, '')
        .split('\n')
        .slice(0, text === '' ? 0 : undefined),
    )
    const short = split(pieces, 8)
    expect(short.join('')).toBe(text.replaceAll('\n', ''))
    for (const line of short) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(8)
  }
})
