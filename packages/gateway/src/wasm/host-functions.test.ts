import { Headers, ResponseHead } from '@sekisho/wire'
import { describe, expect, it } from 'vitest'
import { TestSession } from '../plugins/testing/mounted.ts'
import { LOG_LEVELS, Status } from './abi.ts'
import { BodyBuffer } from './body-buffer.ts'
import { readPairs } from './header-pairs.ts'
import { hostFunctionNames, hostImports } from './host/imports.ts'
import { HttpContext, Stage } from './http-context.ts'
import { filterModule, type FilterModule } from './module/filter-module.ts'
import { RootContext } from './root-context.ts'
import { makeServices } from './services.ts'
import { watFilter } from './testing/wat-filter.ts'
import { Vm } from './vm.ts'
import { VmFailure } from './vm-failure.ts'

type Calls = Record<string, (...values: (number | bigint)[]) => number>

const services = makeServices(undefined)
const lines: string[] = []

/** A machine of the least filter, with one context of each kind, and the functions that its guest would call. */
function machine(imports = '', body = '') {
  const module = filterModule(
    watFilter(imports, body),
    { maxPages: 4, metered: true },
    hostFunctionNames,
  ) as FilterModule
  const vm = new Vm(module, { fuel: 1_000, services, log: () => undefined })
  const root = new RootContext(vm, {
    name: 'test',
    rootId: 'r',
    vmId: 'v',
    vmConfiguration: Buffer.from('vm'),
    configuration: Buffer.from('{"a":1}'),
    calls: { send: ({ cluster }) => (cluster === 'known' ? 'ok' : 'bad') },
    log: (level, message) => lines.push(`${level} ${message}`),
    onFailure: () => undefined,
  })
  const session = new TestSession('/p?q=1', { headers: { 'X-A': '1', Cookie: 'c' } })
  const http = new HttpContext(root, session.asSession)
  // All functions there are, though this module imports few.
  const all = filterModuleImports(vm)
  return { vm, root, http, session, ...all }
}

function filterModuleImports(vm: Vm): { env: Calls; wasi: Calls } {
  const names = (from: string): string[] => [...(hostFunctionNames(from) ?? [])]
  const imports = ['env', 'wasi_snapshot_preview1'].flatMap((from) =>
    names(from).map((name) => `(import "${from}" "${name}" (func))`),
  )
  const module = filterModule(watFilter(imports.join('\n'), ''), { maxPages: 4, metered: true }, hostFunctionNames)
  const made = hostImports(vm, (module as FilterModule).module)
  return { env: made['env'] as unknown as Calls, wasi: made['wasi_snapshot_preview1'] as unknown as Calls }
}

/** Puts text into the guest's memory and returns address and length. */
function put(vm: Vm, at: number, text: string | Buffer): [number, number] {
  const bytes = Buffer.from(text)
  vm.memory.slice(at, bytes.length)?.set(bytes)
  return [at, bytes.length]
}

/** What the host left behind two words of memory: an address and a length. */
function taken(vm: Vm, at: number): Buffer {
  return Buffer.from(vm.memory.slice(vm.memory.getU32(at) as number, vm.memory.getU32(at + 4) as number) as Buffer)
}

const pairsBytes = (pairs: readonly (readonly [string, string])[]): Buffer => {
  const lengths = pairs.flatMap(([name, value]) => [name.length, value.length])
  return Buffer.concat([
    Buffer.from(new Uint32Array([pairs.length, ...lengths]).buffer),
    ...pairs.map(([name, value]) => Buffer.from(`${name}\0${value}\0`)),
  ])
}

describe('maps of fields', () => {
  it('are read with their pseudo-fields, by lower-case names', () => {
    const { vm, http, env } = machine()
    vm.effective = http
    expect(env['proxy_get_header_map_pairs'](0, 8, 12)).toBe(Status.OK)
    expect(readPairs(taken(vm, 8))).toEqual([
      [':authority', 'example.com'],
      [':path', '/p?q=1'],
      [':method', 'GET'],
      [':scheme', 'http'],
      ['x-a', '1'],
      ['cookie', 'c'],
    ])
    expect(env['proxy_get_header_map_value'](0, ...put(vm, 100, 'X-a'), 8, 12)).toBe(Status.OK)
    expect(taken(vm, 8).toString()).toBe('1')
    expect(env['proxy_get_header_map_value'](0, ...put(vm, 100, 'none'), 8, 12)).toBe(Status.NOT_FOUND)
    expect([vm.memory.getU32(8), vm.memory.getU32(12)]).toEqual([0, 0])
  })

  it('are changed, and a pseudo-field changes what the upstream gets', () => {
    const { vm, http, env, session } = machine()
    vm.effective = http
    const edit = (call: string, name: string, value: string): number =>
      env[call](0, ...put(vm, 100, name), ...put(vm, 200, value))
    expect(edit('proxy_add_header_map_value', 'x-a', '2')).toBe(Status.OK)
    expect(edit('proxy_replace_header_map_value', 'cookie', 'd')).toBe(Status.OK)
    expect(edit('proxy_replace_header_map_value', ':path', '/other')).toBe(Status.OK)
    expect(edit('proxy_replace_header_map_value', 'host', 'b.example')).toBe(Status.OK)
    expect(env['proxy_remove_header_map_value'](0, ...put(vm, 100, 'nothing'))).toBe(Status.OK)
    expect([...session.request.headers.entries()]).toEqual([
      ['Host', 'example.com'],
      ['X-A', '1'],
      ['x-a', '2'],
      ['cookie', 'd'],
    ])
    expect([session.ctx.upstreamTarget, session.ctx.upstreamHost]).toEqual(['/other', 'b.example'])
  })

  it.each([
    ['a name that is none', 'x y', '1'],
    ['a line break in a value', 'x', 'a\r\nEvil: 1'],
    ['an empty name', '', '1'],
    ['a path with a space', ':path', '/a b'],
    ['a path that is none', ':path', 'a'],
    ['a method that is none', ':method', 'GE T'],
    ['a host that is none', ':authority', 'a/b'],
    ['a pseudo-field that is none', ':nothing', '1'],
  ])('do not take %s', (_what, name, value) => {
    const { vm, http, env, session } = machine()
    vm.effective = http
    const before = session.request.headers.block
    for (const call of ['proxy_add_header_map_value', 'proxy_replace_header_map_value'])
      expect(env[call](0, ...put(vm, 100, name), ...put(vm, 200, value))).toBe(Status.BAD_ARGUMENT)
    expect(
      env['proxy_set_header_map_pairs'](
        0,
        ...put(
          vm,
          300,
          pairsBytes([
            ['ok', '1'],
            [name, value],
          ]),
        ),
      ),
    ).toBe(Status.BAD_ARGUMENT)
    expect(session.request.headers.block).toBe(before)
  })

  it('keep what frames a message, whatever is written', () => {
    const { vm, http, env, session } = machine()
    session.request.headers.append('Content-Length', '5')
    vm.effective = http
    for (const name of ['content-length', 'transfer-encoding', 'connection', 'upgrade'])
      expect(env['proxy_replace_header_map_value'](0, ...put(vm, 100, name), ...put(vm, 200, '1'))).toBe(Status.OK)
    expect(
      env['proxy_set_header_map_pairs'](
        0,
        ...put(
          vm,
          300,
          pairsBytes([
            ['b', '2'],
            ['content-length', '9'],
            ['te', 'x'],
          ]),
        ),
      ),
    ).toBe(Status.OK)
    expect(session.request.headers.block).toBe('Host: example.com\r\nContent-Length: 5\r\nb: 2\r\n')
    expect(env['proxy_remove_header_map_value'](0, ...put(vm, 100, 'content-length'))).toBe(Status.OK)
    expect(session.request.headers.block).toBe('Host: example.com\r\nb: 2\r\n')
  })

  it('can be changed in their phase alone', () => {
    const { vm, http, env, session } = machine()
    vm.effective = http
    const add = (type: number): number =>
      env['proxy_add_header_map_value'](type, ...put(vm, 100, 'x'), ...put(vm, 200, '1'))
    expect([add(0), add(2), add(3)]).toEqual([Status.OK, Status.BAD_ARGUMENT, Status.BAD_ARGUMENT])
    http.stage = Stage.RESPONSE
    session.response = new ResponseHead(200, '', Headers.from({ a: '1' }))
    expect([add(0), add(2)]).toEqual([Status.BAD_ARGUMENT, Status.OK])
    http.stage = Stage.OVER
    expect([add(0), add(2)]).toEqual([Status.BAD_ARGUMENT, Status.BAD_ARGUMENT])
    expect(env['proxy_get_header_map_value'](2, ...put(vm, 100, 'x'), 8, 12)).toBe(Status.OK)
  })
})

describe('buffers', () => {
  it('are read in part and replaced in part', () => {
    const { vm, http, env } = machine()
    vm.effective = http
    http.requestBody = new BodyBuffer(Buffer.from('hello world'), 100)
    expect(env['proxy_get_buffer_bytes'](0, 6, 100, 8, 12)).toBe(Status.OK)
    expect(taken(vm, 8).toString()).toBe('world')
    expect(env['proxy_set_buffer_bytes'](0, 0, 5, ...put(vm, 100, 'goodbye'))).toBe(Status.OK)
    expect(env['proxy_set_buffer_bytes'](0, 0, 0, ...put(vm, 100, '> '))).toBe(Status.OK)
    expect(env['proxy_set_buffer_bytes'](0, 0xffff_ffff, 0, ...put(vm, 100, '!'))).toBe(Status.OK)
    expect(Buffer.from(http.requestBody.bytes).toString()).toBe('> goodbye world!')
    expect(env['proxy_set_buffer_bytes'](0, 0, -1, ...put(vm, 100, 'all'))).toBe(Status.OK)
    expect(Buffer.from(http.requestBody.bytes).toString()).toBe('all')
    expect(env['proxy_set_buffer_bytes'](0, 0, 0, ...put(vm, 100, 'x'.repeat(98)))).toBe(Status.BAD_ARGUMENT)
  })

  it('have the configurations', () => {
    const { vm, root, env } = machine()
    vm.effective = root
    expect(env['proxy_get_buffer_bytes'](7, 0, 100, 8, 12)).toBe(Status.OK)
    expect(taken(vm, 8).toString()).toBe('{"a":1}')
    expect(env['proxy_get_buffer_bytes'](6, 0, 100, 8, 12)).toBe(Status.OK)
    expect(taken(vm, 8).toString()).toBe('vm')
    expect(env['proxy_get_buffer_bytes'](0, 0, 100, 8, 12)).toBe(Status.NOT_FOUND)
    expect(env['proxy_get_buffer_bytes'](99, 0, 100, 8, 12)).toBe(Status.BAD_ARGUMENT)
  })
})

describe('properties', () => {
  it.each<[string, string | Buffer]>([
    ['plugin_root_id', 'r'],
    ['plugin_name', 'test'],
    ['request\0path', '/p?q=1'],
    ['request\0url_path', '/p'],
    ['request\0query', 'q=1'],
    ['request\0method', 'GET'],
    ['request\0host', 'example.com'],
    ['request\0headers\0x-a', '1'],
    ['request\0protocol', 'HTTP/1.1'],
    ['arg_q', '1'],
    ['listener_direction', Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])],
  ])('%j', (path, value) => {
    const { vm, http, env } = machine()
    vm.effective = http
    expect(env['proxy_get_property'](...put(vm, 100, path), 8, 12)).toBe(Status.OK)
    expect(taken(vm, 8)).toEqual(Buffer.from(value))
  })

  it('are kept with a request, within limits', () => {
    const { vm, http, root, env } = machine()
    vm.effective = http
    expect(env['proxy_set_property'](...put(vm, 100, 'own\0x'), ...put(vm, 200, 'kept'))).toBe(Status.OK)
    expect(env['proxy_get_property'](...put(vm, 100, 'own\0x'), 8, 12)).toBe(Status.OK)
    expect(taken(vm, 8).toString()).toBe('kept')
    expect(env['proxy_set_property'](...put(vm, 100, 'big'), 0, 65_530)).toBe(Status.BAD_ARGUMENT)
    vm.effective = root
    expect(env['proxy_get_property'](...put(vm, 100, 'request\0path'), 8, 12)).toBe(Status.NOT_FOUND)
  })
})

describe('answers', () => {
  it('have status, fields and body', () => {
    const { vm, http, env, session } = machine()
    vm.effective = http
    const pairs = pairsBytes([
      ['x-a', '1'],
      ['x-a', '2'],
      ['content-length', '99'],
    ])
    expect(env['proxy_send_local_response'](418, 0, 0, ...put(vm, 100, 'tea'), ...put(vm, 200, pairs), -1)).toBe(
      Status.OK,
    )
    expect(session.answer?.status).toBe(418)
    expect(Buffer.from(session.answer?.body as Uint8Array).toString()).toBe('tea')
    expect(session.answer?.headers.block).toBe('x-a: 1\r\nx-a: 2\r\nContent-Type: text/plain\r\n')
  })

  it.each([
    ['no status', 99, '', ''],
    ['one of an interim response', 101, '', ''],
    ['fields that are none', 200, '\x01\x00\x00\x00', ''],
    ['a line break in a field', 200, pairsBytes([['a', 'b\nc']]).toString('latin1'), ''],
  ])('with %s are refused', (_what, status, pairs) => {
    const { vm, http, env, session } = machine()
    vm.effective = http
    const code = env['proxy_send_local_response'](status, 0, 0, 0, 0, ...put(vm, 200, Buffer.from(pairs, 'latin1')), -1)
    expect([Status.BAD_ARGUMENT, Status.PARSE_FAILURE]).toContain(code)
    expect(session.answer).toBeUndefined()
  })
})

describe('the rest of the host', () => {
  it('keeps data under a key, and changes it only from the value that was read', () => {
    const { vm, root, env } = machine()
    vm.effective = root
    const key = put(vm, 100, 'key')
    expect(env['proxy_get_shared_data'](...key, 8, 12, 16)).toBe(Status.NOT_FOUND)
    expect(env['proxy_set_shared_data'](...key, ...put(vm, 200, 'one'), 0)).toBe(Status.OK)
    expect(env['proxy_get_shared_data'](...key, 8, 12, 16)).toBe(Status.OK)
    expect(taken(vm, 8).toString()).toBe('one')
    const cas = vm.memory.getU32(16) as number
    expect(env['proxy_set_shared_data'](...key, ...put(vm, 200, 'two'), cas)).toBe(Status.OK)
    expect(env['proxy_set_shared_data'](...key, ...put(vm, 200, 'three'), cas)).toBe(Status.CAS_MISMATCH)
  })

  it('has queues', () => {
    const { vm, root, env } = machine()
    vm.effective = root
    expect(env['proxy_register_shared_queue'](...put(vm, 100, 'q'), 16)).toBe(Status.OK)
    const token = vm.memory.getU32(16) as number
    expect(env['proxy_resolve_shared_queue'](...put(vm, 100, 'v'), ...put(vm, 120, 'q'), 20)).toBe(Status.OK)
    expect(vm.memory.getU32(20)).toBe(token)
    expect(env['proxy_resolve_shared_queue'](...put(vm, 100, 'w'), ...put(vm, 120, 'q'), 20)).toBe(Status.NOT_FOUND)
    for (const text of ['one', 'two'])
      expect(env['proxy_enqueue_shared_queue'](token, ...put(vm, 100, text))).toBe(Status.OK)
    const read = (): string =>
      env['proxy_dequeue_shared_queue'](token, 8, 12) === Status.OK ? taken(vm, 8).toString() : '-'
    expect([read(), read(), read()]).toEqual(['one', 'two', '-'])
    expect(env['proxy_dequeue_shared_queue'](999, 8, 12)).toBe(Status.NOT_FOUND)
    expect(env['proxy_enqueue_shared_queue'](999, 0, 0)).toBe(Status.NOT_FOUND)
  })

  it('has metrics', () => {
    const { vm, root, env } = machine()
    vm.effective = root
    const define = (type: number, name: string): number =>
      env['proxy_define_metric'](type, ...put(vm, 100, name), 16) === Status.OK ? (vm.memory.getU32(16) as number) : -1
    const counter = define(0, 'a.count')
    expect([define(0, 'a.count'), define(1, 'a.count'), define(7, 'x'), define(0, '')]).toEqual([counter, -1, -1, -1])
    expect(env['proxy_increment_metric'](counter, 5n)).toBe(Status.OK)
    expect(env['proxy_increment_metric'](counter, -1n)).toBe(Status.BAD_ARGUMENT)
    expect(env['proxy_record_metric'](counter, 1n)).toBe(Status.BAD_ARGUMENT)
    expect(env['proxy_get_metric'](counter, 24)).toBe(Status.OK)
    expect(vm.memory.getU32(24)).toBe(5)
    const gauge = define(1, 'a.gauge')
    expect([env['proxy_record_metric'](gauge, 7n), env['proxy_increment_metric'](gauge, -2n)]).toEqual([0, 0])
    expect([env['proxy_get_metric'](gauge, 24), vm.memory.getU32(24)]).toEqual([0, 5])
    expect(env['proxy_increment_metric'](999, 1n)).toBe(Status.NOT_FOUND)
  })

  it('logs, but not what is too fine', () => {
    const { vm, root, env, wasi } = machine()
    vm.effective = root
    lines.length = 0
    for (let level = 0; level < LOG_LEVELS.length; level++) env['proxy_log'](level, ...put(vm, 100, `at ${level}`))
    expect(env['proxy_log'](9, 0, 0)).toBe(Status.BAD_ARGUMENT)
    put(vm, 40, Buffer.from(new Uint32Array([100, 2, 104, 3]).buffer))
    put(vm, 100, 'ab__cd\n')
    expect(wasi['fd_write'](2, 40, 2, 16)).toBe(0)
    expect(vm.memory.getU32(16)).toBe(5)
    expect(lines).toEqual(['info at 2', 'warn at 3', 'error at 4', 'critical at 5', 'error abcd'])
  })

  it('calls no service that is not configured, and no gRPC', () => {
    const { vm, http, env } = machine()
    vm.effective = http
    const pairs = put(
      vm,
      300,
      pairsBytes([
        [':method', 'GET'],
        [':path', '/'],
        [':authority', 'a'],
      ]),
    )
    const call = (name: string): number =>
      env['proxy_http_call'](...put(vm, 100, name), ...pairs, 0, 0, 0, 0, 1_000, 16)
    expect(call('unknown')).toBe(Status.BAD_ARGUMENT)
    expect(call('known')).toBe(Status.OK)
    expect(http.pendingCalls).toBe(1)
    for (const name of ['call', 'stream', 'send', 'cancel', 'close'])
      expect(env[`proxy_grpc_${name}`]()).toBe(Status.UNIMPLEMENTED)
    expect(env['proxy_call_foreign_function']()).toBe(Status.NOT_FOUND)
  })

  it('ends the machine at proc_exit', () => {
    const { wasi } = machine()
    expect(() => wasi['proc_exit'](3)).toThrow(new VmFailure('the module ended itself (proc_exit 3)'))
  })
})

describe('any numbers at all', () => {
  const seed = Number(process.env['SEKISHO_SEED'] ?? Date.now() % 2 ** 31)

  it(`are answered with a status (SEKISHO_SEED=${seed})`, () => {
    let state = seed | 1
    const next = (): number => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return state >>> 0
    }
    const edges = [0, 1, 2, 3, 4, 7, 8, 100, 65_535, 65_536, 65_537, 0x7fff_ffff, -1, -4, -65_536, 0xffff_fff0 | 0]
    const number = (): number => (next() % 4 === 0 ? next() | 0 : edges[next() % edges.length])
    const wide = new Set(['proxy_increment_metric', 'proxy_record_metric', 'clock_time_get'])
    const { vm, root, http, env, wasi } = machine()
    const failures = new Set<string>()
    for (let round = 0; round < 60_000; round++) {
      const functions = next() % 8 === 0 ? wasi : env
      const names = Object.keys(functions)
      const name = names[next() % names.length]
      vm.effective = [root, http, undefined][next() % 3]
      http.stage = [Stage.REQUEST, Stage.RESPONSE, Stage.OVER][next() % 3]
      http.requestBody = next() % 2 === 0 ? undefined : new BodyBuffer(Buffer.from('abc'), 1_000)
      const values: (number | bigint)[] = Array.from({ length: 10 }, number)
      if (wide.has(name)) values[1] = BigInt(values[1])
      try {
        const status = functions[name](...values)
        if (!Number.isInteger(status) || status < 0 || status > 76) throw new Error(`${name} returned ${status}`)
      } catch (error) {
        if (!(error instanceof VmFailure)) throw new Error(`${name}(${values.join()})`, { cause: error })
        failures.add(error.message.replace(/-?\d+/, 'N'))
      }
    }
    root.setTick(0)
    const known = [
      'the module asked the host to copy too much in one callback',
      'the module ended itself (proc_exit N)',
    ]
    expect([...failures].filter((message) => !known.includes(message))).toEqual([])
  })
})
