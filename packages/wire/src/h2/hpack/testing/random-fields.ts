import type { SeededRandom } from '../../../testing/seeded-random.ts'
import { STATIC_PAIRS } from '../static-table.ts'
import type { Pair } from './recording-sink.ts'

const NAMES = ['grpc-timeout', 'x-request-id', 'traceparent', 'x', 'x-long-name-'.repeat(8), '^_`|~']
const VALUES = [
  '',
  '1',
  'gzip, deflate',
  'application/grpc',
  'trailers',
  '/helloworld.Greeter/SayHello',
  'é\xff\x80',
  '~'.repeat(140),
]

/** A field as traffic has it: most come again, some are different each time, few are long or odd. */
export function randomField(random: SeededRandom): Pair {
  if (random.chance(0.3)) {
    const [name, value] = random.pick(STATIC_PAIRS)
    return [name, value, random.chance(0.02)]
  }
  const name = random.chance(0.6) ? random.pick(STATIC_PAIRS)[0] : random.pick(NAMES)
  return [name, random.chance(0.7) ? random.pick(VALUES) : randomValue(random), random.chance(0.02)]
}

function randomValue(random: SeededRandom): string {
  const length = random.pick([1, 3, 8, 20, 40, 126, 127, 128, 300, 1200])
  const range = random.pick([10, 96, 256])
  const first = range === 256 ? 0 : 0x20
  return String.fromCharCode(...Array.from({ length }, () => first + random.below(range)))
}

export const randomFields = (random: SeededRandom, most: number): Pair[] =>
  Array.from({ length: random.below(most + 1) }, () => randomField(random))
