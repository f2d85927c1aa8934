import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TestSession } from '../plugins/testing/mounted.ts'
import { hostFunctionNames } from './host/imports.ts'
import { HttpContext } from './http-context.ts'
import { filterModule, type FilterModule } from './module/filter-module.ts'
import { RootContext } from './root-context.ts'
import { makeServices } from './services.ts'
import { data, watFilter } from './testing/wat-filter.ts'
import { Vm } from './vm.ts'
import type { VmFailure } from './vm-failure.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const services = makeServices(undefined)

/** A filter that counts its callbacks in globals, which functions of their names return. */
function counting(imports: string, callbacks: Readonly<Record<string, string>>, more = ''): Buffer {
  const functions = Object.entries(callbacks).map(([name, code]) => {
    const signature = SIGNATURES[name]
    return `(global $${name} (mut i32) (i32.const 0))
      (func (export "count_${name}") (result i32) (global.get $${name}))
      (func (export "${name}") ${signature} (global.set $${name} (i32.add (global.get $${name}) (i32.const 1))) ${code})`
  })
  return watFilter(imports, functions.join('\n') + more)
}

const SIGNATURES: Readonly<Record<string, string>> = {
  proxy_on_configure: '(param i32 i32) (result i32)',
  proxy_on_tick: '(param i32)',
  proxy_on_queue_ready: '(param i32 i32)',
  proxy_on_done: '(param i32) (result i32)',
  proxy_on_log: '(param i32)',
  proxy_on_delete: '(param i32)',
  proxy_on_http_call_response: '(param i32 i32 i32 i32 i32)',
}

function start(binary: Buffer): { vm: Vm; root: RootContext; failures: VmFailure[]; answer: (() => void)[] } {
  const module = filterModule(binary, { maxPages: 4, metered: true }, hostFunctionNames)
  if (typeof module === 'string') throw new Error(module)
  const vm = new Vm(module satisfies FilterModule, { fuel: 1_000, services, log: () => undefined })
  const failures: VmFailure[] = []
  const answer: (() => void)[] = []
  const root = new RootContext(vm, {
    name: 'test',
    rootId: '',
    vmId: '',
    vmConfiguration: Buffer.alloc(0),
    configuration: Buffer.alloc(0),
    calls: {
      send(_call, done) {
        answer.push(() => done(undefined))
        return 'ok'
      },
    },
    log: () => undefined,
    onFailure: (failure) => failures.push(failure),
  })
  return { vm, root, failures, answer }
}

const count = (vm: Vm, name: string): unknown => vm.guest[`count_${name}`]?.()
const request = (root: RootContext): HttpContext => new HttpContext(root, new TestSession('/').asSession)

const TICK = '(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))'
const DONE = '(import "env" "proxy_done" (func $done (result i32)))'
const EFFECTIVE = '(import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))'
const every = (ms: number): string => `(drop (call $tick (i32.const ${ms}))) (i32.const 1)`

describe('a root context', () => {
  it('ticks, not faster than the least period, until it is closed', () => {
    const { vm, root } = start(counting(TICK, { proxy_on_configure: every(1), proxy_on_tick: '' }))
    vi.advanceTimersByTime(100)
    expect(count(vm, 'proxy_on_tick')).toBe(10)
    root.close()
    vi.advanceTimersByTime(100)
    expect(count(vm, 'proxy_on_tick')).toBe(10)
  })

  it('stops ticking when its machine fails, and says so once', () => {
    const { failures } = start(counting(TICK, { proxy_on_configure: every(10), proxy_on_tick: 'unreachable' }))
    vi.advanceTimersByTime(1_000)
    expect(failures.map(({ message }) => message)).toEqual(['the module trapped: unreachable'])
  })

  it('hears of messages in its queue', () => {
    const imports = '(import "env" "proxy_register_shared_queue" (func $queue (param i32 i32 i32) (result i32)))'
    const configure = '(drop (call $queue (i32.const 100) (i32.const 1) (i32.const 8))) (i32.const 1)'
    const binary = counting(imports, { proxy_on_configure: configure, proxy_on_queue_ready: '' }, data(100, 'q'))
    const { vm, root } = start(binary)
    const token = vm.memory.getU32(8) as number
    expect(services.queues.enqueue(token, Buffer.from('x'))).toBe('ok')
    expect(count(vm, 'proxy_on_queue_ready')).toBe(0)
    vi.runAllTimers()
    expect(count(vm, 'proxy_on_queue_ready')).toBe(1)
    root.close()
    services.queues.enqueue(token, Buffer.from('x'))
    vi.runAllTimers()
    expect(count(vm, 'proxy_on_queue_ready')).toBe(1)
  })

  it('is deleted when its last request is over', () => {
    const { vm, root } = start(counting('', { proxy_on_delete: '' }))
    const context = request(root)
    root.close()
    expect(count(vm, 'proxy_on_delete')).toBe(0)
    context.end()
    expect(count(vm, 'proxy_on_delete')).toBe(2)
    expect(vm.contexts.size).toBe(0)
  })
})

describe('the context of a request', () => {
  const ends = { proxy_on_done: '(i32.const 1)', proxy_on_log: '', proxy_on_delete: '' }

  it('ends once: done, log, delete', () => {
    const { vm, root } = start(counting('', ends))
    const context = request(root)
    context.end()
    context.end()
    for (const name of Object.keys(ends)) expect(count(vm, name)).toBe(1)
    expect([...vm.contexts.values()]).toEqual([root])
  })

  it('may stay until the guest is done with it', () => {
    const callbacks = {
      ...ends,
      proxy_on_done: '(i32.const 0)',
      proxy_on_configure: every(10),
      // The first request has the number 2.
      proxy_on_tick: '(drop (call $effective (i32.const 2))) (drop (call $done))',
    }
    const { vm, root } = start(counting(`${TICK} ${DONE} ${EFFECTIVE}`, callbacks))
    const context = request(root)
    expect(context.id).toBe(2)
    context.end()
    expect([count(vm, 'proxy_on_log'), vm.contexts.size]).toEqual([0, 2])
    vi.advanceTimersByTime(11)
    expect([count(vm, 'proxy_on_log'), count(vm, 'proxy_on_delete'), vm.contexts.size]).toEqual([1, 1, 1])
  })

  it('does not stay for ever with a thousand others', () => {
    const { vm, root } = start(counting('', { ...ends, proxy_on_done: '(i32.const 0)' }))
    for (let round = 0; round < 1_005; round++) request(root).end()
    expect([count(vm, 'proxy_on_delete'), vm.contexts.size]).toEqual([5, 1_001])
  })

  it('is not told of an answer that comes too late, its root is', () => {
    const { vm, root, answer } = start(counting('', { ...ends, proxy_on_http_call_response: '' }))
    const context = request(root)
    root.call({ cluster: 'a', pairs: [], body: Buffer.alloc(0), timeoutMs: 1 }, context)
    expect(context.pendingCalls).toBe(1)
    context.end()
    answer[0]()
    answer[0]()
    expect(count(vm, 'proxy_on_http_call_response')).toBe(1)
  })

  it('wakes when the machine fails in a call for another', async () => {
    const { vm, root } = start(counting('', ends))
    const [waiting, other] = [request(root), request(root)]
    const held = waiting.held(60_000)
    vm.fail(new Error('for the test'))
    expect(await held).toBe('woken')
    waiting.end()
    other.end()
    expect([...vm.contexts.values()]).toEqual([root])
  })
})
