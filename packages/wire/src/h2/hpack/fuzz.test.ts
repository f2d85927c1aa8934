import { describe, expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../../testing/seeded-random.ts'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'
import { Field, MALFORMED } from './field.ts'
import { randomFields } from './testing/random-fields.ts'
import { encode, RecordingSink } from './testing/recording-sink.ts'
import { ReferenceDecoder, ReferenceEncoder } from './testing/reference.ts'

/** Beginnings of representations, lengths and integers where something may go wrong. */
const PIECES = [
  '80',
  'be',
  'ff80808001',
  'ff8080808001',
  '407f',
  '3fe11f',
  '20',
  '3fe21f',
  '00',
  '10',
  '0f2f',
  '8fffffff',
  '84ffffffff',
  'ffff',
  '81ff',
  '7f00',
]

const randomBytes = (random: SeededRandom, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.below(256)))

function mutate(random: SeededRandom, bytes: Buffer): Buffer {
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(bytes.length + 1)
    const piece = random.chance(0.5)
      ? Buffer.from(random.pick(PIECES), 'hex')
      : randomBytes(random, 1 + random.below(4))
    const removed = random.pick([0, 0, 1, piece.length, 10])
    bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + removed)])
  }
  return random.chance(0.1) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes
}

/** The blocks of one connection: most as they should be, so that there is a table, some not. */
function blocksOf(random: SeededRandom, count: number): Buffer[] {
  const ours = random.chance(0.5) ? new HpackEncoder() : undefined
  const theirs = new ReferenceEncoder()
  return Array.from({ length: count }, () => {
    const fields = randomFields(random, 8)
    const valid = ours
      ? encode(ours, (encoder) => fields.forEach((field) => encoder.field(...field)))
      : theirs.encode(
          fields.map(([name, value, neverIndex]) => ({ name, value, neverIndex, incremental: random.chance(0.7) })),
        )
    if (random.chance(0.6)) return valid
    return random.chance(0.2) ? randomBytes(random, random.below(60)) : mutate(random, valid)
  })
}

describe('mutated and random field blocks', () => {
  const seed = fuzzSeed(20_260_716)
  const runs = fuzzRuns(3_000)

  it(`are fields or an error, and the table keeps to its size (seed ${seed})`, () => {
    const random = new SeededRandom(seed)
    const refused = new Map<string, number>()
    let accepted = 0
    for (let run = 0; run < runs; run++) {
      const decoder = new HpackDecoder()
      for (const bytes of blocksOf(random, 6)) {
        const before = Buffer.from(bytes)
        const sink = new RecordingSink()
        const error = decoder.decode(bytes, 0, bytes.length, sink)
        expect(bytes.equals(before)).toBe(true)
        for (const field of sink.fields) expectWhole(field)
        // Each field takes a byte at least, and text only comes from the block or the table.
        expect(sink.fields.length).toBeLessThanOrEqual(bytes.length)
        const table = tableOf(decoder)
        expect(table.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(4096)
        if (error === undefined) {
          accepted++
          continue
        }
        const kind = error.replaceAll(/\d+/g, 'N')
        refused.set(kind, (refused.get(kind) ?? 0) + 1)
        break
      }
    }
    // Or the mutations would be so wild, or so tame, that nothing is tested.
    expect(accepted).toBeGreaterThan(runs)
    expect([...refused.keys()].toSorted()).toEqual([
      'a block that is cut short',
      'a string that is not in Huffman code',
      'a table of N bytes, more than the N that were offered',
      'a table size update behind the beginning of a block, or a third one',
      'an integer of more than N bits',
      'index N, where the tables have no entry',
    ])
  })

  it(`mean what they mean to another implementation, unless refused (seed ${seed})`, () => {
    const random = new SeededRandom(seed + 1)
    let compared = 0
    for (let run = 0; run < runs / 2; run++) {
      const decoder = new HpackDecoder()
      const reference = new ReferenceDecoder()
      for (const bytes of blocksOf(random, 6)) {
        const sink = new RecordingSink()
        if (decoder.decode(bytes, 0, bytes.length, sink) !== undefined) break
        expect({ bytes: bytes.toString('hex'), pairs: sink.pairs }).toEqual({
          bytes: bytes.toString('hex'),
          pairs: reference.decode(bytes),
        })
        compared++
      }
    }
    expect(compared).toBeGreaterThan(runs / 2)
  })
})

function expectWhole(field: Field): void {
  expect(field.size).toBe(field.name.length + field.value.length + 32)
  if (field.kind === MALFORMED || /[\0\r\n]/.test(field.name + field.value)) {
    expect(field).toMatchObject({ kind: MALFORMED, line: '' })
  }
}

/** Asks for all indices of the dynamic table. */
function tableOf(decoder: HpackDecoder): readonly Field[] {
  const sink = new RecordingSink()
  const indices = Array.from({ length: 129 }, (_, at) => 62 + at)
  const block = Buffer.from(indices.flatMap((index) => (index < 127 ? [0x80 | index] : [0xff, index - 127])))
  expect(decoder.decode(block, 0, block.length, sink)).toMatch(/no entry/)
  return sink.fields
}
