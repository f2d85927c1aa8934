import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { boundedModule, FUEL_EXPORT } from './bounded-module.ts'
import { emptyImport } from './empty-import.ts'
import { engine, type WasmGlobal } from './engine.ts'

const section = (id: number, ...content: number[]): number[] => [id, content.length, ...content]
const text = (value: string): number[] => [value.length, ...Buffer.from(value)]

/** Imports a memory, a function of one number, and one of nothing; exports `run`, a loop without end. */
const MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...section(1, 2, 0x60, 1, 0x7f, 0, 0x60, 0, 0),
  ...section(
    2,
    3,
    ...text('a'),
    ...text('m'),
    2,
    0,
    1,
    ...text('a'),
    ...text('f'),
    0,
    0,
    ...text('a'),
    ...text('g'),
    0,
    1,
  ),
  ...section(3, 1, 1),
  ...section(7, 1, ...text('run'), 0, 2),
  ...section(10, 1, 7, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b),
])

it('finds the first imported function without parameters and results', () => {
  expect(engine.validate(MODULE)).toBe(true)
  expect(emptyImport(MODULE)).toEqual({ module: 'a', name: 'g', index: 1 })
  const quickjs = createRequire(import.meta.url).resolve('@jitl/quickjs-wasmfile-release-sync/wasm')
  expect(emptyImport(readFileSync(quickjs))).toMatchObject({ module: 'a' })
})

it('a module that calls the host when its fuel is used up goes on while the host refills it', () => {
  const bounded = boundedModule(MODULE, { maxPages: 0, metered: true, importsMemory: true, onEmpty: 1 })
  const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: new (limits: { initial: number }) => object } })
    .WebAssembly
  let refills = 0
  const { exports } = new engine.Instance(new engine.Module(bounded), {
    a: {
      m: new Memory({ initial: 1 }),
      f: () => undefined,
      g: () => {
        if (++refills === 3) throw new RangeError('enough')
        fuel.value = 1_000
      },
    },
  })
  const fuel = exports[FUEL_EXPORT] as WasmGlobal
  fuel.value = 1_000
  expect(() => (exports['run'] as () => void)()).toThrow(new RangeError('enough'))
  expect(refills).toBe(3)
})

it('a module that brings no memory is refused unless it may import one', () => {
  expect(() => boundedModule(MODULE, { maxPages: 1, metered: true })).toThrow(
    'the module imports "a.m", which is no function',
  )
})
