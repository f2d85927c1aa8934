import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Cells } from './cells.ts'
import { ExactTable, hashText } from './exact-table.ts'
import { keyedSize, writeKey } from './key.ts'

function keyedBlock(cells: Cells, scope: number, text: string): number {
  const block = cells.take(keyedSize(text))
  writeKey(cells, block, scope, text)
  return block
}

describe('ExactTable', () => {
  it('is a map from scope and text', () => {
    const key = fc.tuple(
      fc.constantFrom(0, 1, 2),
      fc.constantFrom('', 'a', 'b', 'ab', 'abc', 'é', '漢', '漢a', '/a/b/c/d'),
    )
    const step = fc.tuple(fc.constantFrom('set', 'drop', 'get'), key)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const cells = new Cells()
        const table = new ExactTable(cells)
        const model = new Map<string, number>()
        for (const [action, [scope, text]] of steps) {
          const name = `${scope} ${text}`
          if (action === 'set') model.set(name, keyedBlock(cells, scope, text))
          if (action === 'drop') model.delete(name)
          if (action !== 'get') table.set(scope, text, hashText(text), model.get(name) ?? 0)
          expect(table.get(scope, text, hashText(text))).toBe(model.get(name) ?? 0)
          expect(table.size).toBe(model.size)
        }
      }),
      { seed: 5, numRuns: 300 },
    )
  })

  it('finds everything when all hashes are alike, and after each removal', () => {
    const cells = new Cells()
    const table = new ExactTable(cells)
    const texts = Array.from({ length: 40 }, (_, index) => `/t${index}`)
    // Three homes at the end of the slots, so that runs overlap and wrap around.
    const hash = (text: string): number => -1 - (text.length % 3)
    const blocks = new Map(texts.map((text) => [text, keyedBlock(cells, 1, text)]))
    for (const [text, block] of blocks) table.set(1, text, hash(text), block)
    for (const gone of texts) {
      table.set(1, gone, hash(gone), 0)
      blocks.delete(gone)
      for (const text of texts) expect(table.get(1, text, hash(text))).toBe(blocks.get(text) ?? 0)
    }
    expect(table.size).toBe(0)
  })

  it('spreads paths that differ little', () => {
    const hashes = new Set(
      Array.from({ length: 50_000 }, (_, index) => hashText(`/service-${index % 97}/things/${index}`)),
    )
    // 50,000 random 32-bit numbers collide about 50,000² / 2³³ = 0.3 times.
    expect(hashes.size).toBeGreaterThan(49_990)
  })
})
