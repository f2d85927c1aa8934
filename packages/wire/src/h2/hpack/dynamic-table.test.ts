import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { DynamicTable } from './dynamic-table.ts'

const entry = (size: number): { size: number } => ({ size })

describe('a dynamic table', () => {
  it('has the newest entry first, and evicts the oldest', () => {
    const table = new DynamicTable<{ size: number }>(100)
    const [a, b, c] = [entry(40), entry(60), entry(33)]
    table.insert(a)
    table.insert(b)
    expect([table.get(0), table.get(1), table.get(2)]).toEqual([b, a, undefined])
    table.insert(c)
    expect([table.get(0), table.get(1), table.get(2)]).toEqual([c, b, undefined])
    expect(table.size).toBe(93)
  })

  it('is emptied by an entry larger than itself, which is not kept', () => {
    const table = new DynamicTable<{ size: number }>(100)
    table.insert(entry(50))
    table.insert(entry(101))
    expect([table.count, table.size, table.get(0)]).toEqual([0, 0, undefined])
    table.insert(entry(100))
    expect([table.count, table.size]).toEqual([1, 100])
  })

  it('does what a list would do, whatever comes', () => {
    const random = new SeededRandom(7541)
    for (let run = 0; run < 50; run++) {
      let maxSize = random.below(3000)
      const table = new DynamicTable<{ size: number }>(maxSize)
      let list: { size: number }[] = []
      const cut = (): void => {
        let sum = 0
        list = list.filter(({ size }) => (sum += size) <= maxSize)
      }
      for (let step = 0; step < 200; step++) {
        if (random.chance(0.03)) {
          maxSize = random.below(3000)
          table.resize(maxSize)
        } else {
          const one = entry(32 + random.below(random.pick([10, 200, 2500])))
          table.insert(one)
          list.unshift(one)
          if (one.size > maxSize) list = []
        }
        cut()
        expect(Array.from({ length: list.length + 1 }, (_, at) => table.get(at))).toEqual([...list, undefined])
        expect(table.size).toBe(list.reduce((sum, { size }) => sum + size, 0))
      }
    }
  })
})
