import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { wat } from '../testing/wat-filter.ts'
import { boundedModule, FUEL_EXPORT, PAGE_BYTES, START_EXPORT } from './bounded-module.ts'
import { engine, type WasmGlobal, type WasmMemory } from './engine.ts'

type Functions = Record<string, (...numbers: (number | bigint)[]) => unknown>

function instance(binary: Uint8Array, maxPages = 16, imports = {}): Record<string, unknown> {
  const bounded = boundedModule(binary, { maxPages, metered: true })
  return new engine.Instance(new engine.Module(bounded), imports).exports
}

/** Calls with so much fuel; returns what is left. */
function spend(exports: Record<string, unknown>, name: string, fuel: number, ...numbers: number[]): number {
  const meter = exports[FUEL_EXPORT] as WasmGlobal
  meter.value = fuel
  ;(exports as Functions)[name](...numbers)
  return meter.value as number
}

const loops = wat(`(module
  (memory (export "memory") 1)
  (func (export "forever") (loop $on (br $on)))
  (func $again (export "deep") (param i32) (if (local.get 0) (then (call $again (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "count") (param i32) (result i32)
    (local $sum i32)
    (loop $on
      (local.set $sum (i32.add (local.get $sum) (local.get 0)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $on (local.get 0)))
    (local.get $sum))
  (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 7) (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`)

describe('boundedModule', () => {
  it('ends an endless loop', () => {
    const exports = instance(loops)
    expect(() => spend(exports, 'forever', 1_000)).toThrow(/unreachable/)
    expect((exports[FUEL_EXPORT] as WasmGlobal).value).toBe(-1)
  })

  it('counts turns of loops and calls of functions, and changes nothing else', () => {
    const exports = instance(loops)
    expect(spend(exports, 'count', 1_000, 10)).toBe(1_000 - 1 - 10)
    expect((exports as Functions)['count'](10)).toBe(55)
    expect(spend(exports, 'deep', 1_000, 20)).toBe(1_000 - 21)
  })

  it('charges bulk operations by their length', () => {
    const exports = instance(loops)
    expect(spend(exports, 'fill', 10_000, 65_536)).toBe(10_000 - 1 - 1_024)
    expect(() => spend(exports, 'fill', 1_000, 65_536)).toThrow(/unreachable/)
  })

  it('caps the memory', () => {
    const exports = instance(loops, 3)
    ;(exports[FUEL_EXPORT] as WasmGlobal).value = 100
    expect((exports as Functions)['grow'](2)).toBe(1)
    expect((exports as Functions)['grow'](1)).toBe(-1)
    expect((exports['memory'] as WasmMemory).buffer.byteLength).toBe(3 * PAGE_BYTES)
  })

  it.each([
    ['(module (memory 5 9))', 'the module begins with 327680 bytes of memory; the limit (max_memory) is 262144'],
    ['(module)', 'the module has no memory'],
    ['(module (import "env" "memory" (memory 1)))', 'the module imports "env.memory", which is no function'],
    ['(module (memory i64 1))', 'the module has a shared or 64-bit memory, or several'],
    ['(module (memory 1 2 shared))', 'the module has a shared or 64-bit memory, or several'],
    [
      '(module (memory 1) (tag $e) (func (throw $e)))',
      'the module uses an instruction (0x8) of a WebAssembly proposal that is not supported, such as threads or exceptions',
    ],
  ])('refuses %s', (text, message) => {
    expect(() => boundedModule(wat(text), { maxPages: 4, metered: true })).toThrow(message)
  })

  it('hands the start function over instead of running it', () => {
    const binary = wat(`(module (memory (export "memory") 1) (global $g (export "g") (mut i32) (i32.const 0))
      (func $init (global.set $g (i32.const 7))) (start $init))`)
    const exports = instance(binary)
    expect((exports['g'] as WasmGlobal).value).toBe(0)
    expect(spend(exports, START_EXPORT, 10)).toBe(9)
    expect((exports['g'] as WasmGlobal).value).toBe(7)
  })

  it('keeps the maximum of a module that wants less', () => {
    const exports = instance(
      wat('(module (memory (export "memory") 1 2) (func (export "grow") (result i32) (memory.grow (i32.const 2))))'),
    )
    ;(exports[FUEL_EXPORT] as WasmGlobal).value = 100
    expect((exports as Functions)['grow']()).toBe(-1)
  })

  it('knows every instruction of what compilers make', () => {
    // Block types, tables, branches, 64 bits, floats, sign extension, saturation, bulk memory, references, SIMD, tail calls.
    const binary = wat(`(module
      (import "env" "f" (func $f (param i64) (result f64)))
      (memory (export "memory") 1)
      (table $t 4 funcref)
      (type $ii (func (param i32) (result i32)))
      (global $g (mut f32) (f32.const 1.5))
      (elem $e funcref (ref.func $inc))
      (data $d "abc")
      (func $inc (export "inc") (type $ii) (i32.add (local.get 0) (i32.const 1)))
      (func (export "all") (param $x i32) (result i32)
        (local $v v128) (local $l i64) (local $d f64)
        (block $b (block $a (br_table $a $b $a (local.get $x))))
        (local.set $l (i64.extend8_s (i64.const -9223372036854775808)))
        (local.set $d (call $f (local.get $l)))
        (global.set $g (f32.const 2.25))
        (local.set $v (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i32x4 1 2 3 4) (v128.load (i32.const 16))))
        (v128.store8_lane 3 (i32.const 5) (local.get $v))
        (i32.store8 offset=200 (i32.const 0) (i32.trunc_sat_f64_s (local.get $d)))
        (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))
        (elem.drop $e)
        (memory.init $d (i32.const 40) (i32.const 0) (i32.const 3))
        (data.drop $d)
        (memory.copy (i32.const 50) (i32.const 40) (i32.const 3))
        (drop (table.grow $t (ref.null func) (i32.const 1)))
        (drop (select (result funcref) (ref.null func) (table.get $t (i32.const 0)) (local.get $x)))
        (drop (ref.is_null (ref.func $inc)))
        (drop (i32x4.extract_lane 2 (local.get $v)))
        (return_call_indirect $t (type $ii) (local.get $x) (i32.const 0))))`)
    const exports = instance(binary, 4, { env: { f: () => 65.9 } })
    ;(exports[FUEL_EXPORT] as WasmGlobal).value = 1_000
    expect((exports as Functions)['all'](41)).toBe(42)
    const memory = Buffer.from((exports['memory'] as WasmMemory).buffer)
    expect(memory.toString('latin1', 50, 53)).toBe('abc')
    expect(memory[200]).toBe(65)
  })

  it('leaves a filter in Rust valid, metered or not', () => {
    const binary = readFileSync(new URL('../../../../../examples/wasm/house-rules.wasm', import.meta.url))
    for (const metered of [true, false])
      expect(engine.validate(boundedModule(binary, { maxPages: 100, metered }))).toBe(true)
  })
})
