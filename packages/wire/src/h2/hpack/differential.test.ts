import { describe, expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../../testing/seeded-random.ts'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'
import { randomFields } from './testing/random-fields.ts'
import { decode, encode } from './testing/recording-sink.ts'
import { ReferenceDecoder, ReferenceEncoder } from './testing/reference.ts'

/** Against the npm package `hpack.js`, which shares no line with ours. */
describe('compared with another implementation', () => {
  const seed = fuzzSeed(20_260_715)
  const runs = fuzzRuns(150)

  it(`what it encodes is decoded to the same fields (seed ${seed})`, () => {
    const random = new SeededRandom(seed)
    for (let run = 0; run < runs; run++) {
      const reference = new ReferenceEncoder()
      const decoder = new HpackDecoder()
      for (let block = 0; block < 30; block++) {
        const update = random.chance(0.05) ? reference.changeTableSize() : Buffer.alloc(0)
        const fields = randomFields(random, 14)
        const bytes = reference.encode(
          fields.map(([name, value, neverIndex]) => ({
            name,
            value,
            neverIndex,
            incremental: random.chance(0.6),
            huffman: random.chance(0.7),
          })),
        )
        const decoded = decode(decoder, Buffer.concat([update, bytes]))
        expect({ run, block, decoded }).toEqual({ run, block, decoded: fields })
      }
    }
  })

  it(`what we encode is decoded by it to the same fields (seed ${seed})`, () => {
    const random = new SeededRandom(seed + 1)
    for (let run = 0; run < runs; run++) {
      const own = random.pick([0, 64, 300, 4096, 8192])
      const encoder = new HpackEncoder(own)
      const reference = new ReferenceDecoder()
      const decoder = new HpackDecoder()
      for (let block = 0; block < 30; block++) {
        if (random.chance(0.1)) {
          const size = random.pick([0, 50, 200, 4096])
          encoder.setPeerTableSize(size)
          if (random.chance(0.3)) encoder.setPeerTableSize(4096)
        }
        const fields = randomFields(random, 14)
        const bytes = encode(encoder, (one) => fields.forEach((field) => one.field(...field)))
        const meant = reference.decode(bytes)
        const decoded = decode(decoder, bytes)
        expect({ run, block, decoded }).toEqual({ run, block, decoded: meant })
        expect(meant.map(([name, value]) => [name, value])).toEqual(fields.map(([name, value]) => [name, value]))
        fields.forEach(([, , neverIndexed], at) => neverIndexed && expect(meant[at][2]).toBe(true))
        expect(reference.tableSize).toBeLessThanOrEqual(own)
      }
    }
  })
})
