import { afterEach, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { data, watFilter } from './testing/wat-filter.ts'

const gateways: TestGateway[] = []
const written: string[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  for (const gateway of gateways.splice(0)) await gateway.close()
})

/** A gateway whose routes `/f/*` and `/bytes/*` have this filter, and `/*` has none. */
async function gatewayWith(filter: Buffer, config: object = {}): Promise<TestGateway> {
  const plugins = { wasm: { code: filter.toString('base64'), ...config } }
  const gateway = await startGateway({
    routes: [
      { uris: ['/f/*', '/bytes/*'], upstream_id: 'echo', plugins },
      { uri: '/*', upstream_id: 'echo' },
    ],
  })
  gateways.push(gateway)
  written.length = 0
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    written.push(String(line).split(' VmFailure')[0])
    return true
  })
  return gateway
}

/** A callback of a request's head, which does this. */
const onRequest = (body: string, imports = '', more = ''): Buffer =>
  watFilter(imports, `${more} (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${body})`)

const onResponse = (body: string, imports = '', more = ''): Buffer =>
  watFilter(imports, `${more} (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) ${body})`)

const EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
const GET = '(import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))'
const BUFFER = '(import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))'

describe('a filter that', () => {
  it.each([
    ['traps', onRequest('unreachable'), 'the module trapped: unreachable'],
    ['loops without end', onRequest('(loop $on (br $on)) (i32.const 0)'), 'a callback ran for too long (max_fuel)'],
    [
      'calls itself without end',
      onRequest('(call $self)', '', '(func $self (result i32) (i32.add (call $self) (i32.const 1)))'),
      'the module trapped: Maximum call stack size exceeded',
    ],
    [
      'writes out of its memory',
      onRequest('(i32.store (i32.const -4) (i32.const 1)) (i32.const 0)'),
      'the module trapped: memory access out of bounds',
    ],
    [
      'wants all memory',
      onRequest('(loop $on (br_if $on (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))) unreachable'),
      'the module trapped: unreachable',
    ],
    [
      'fills its memory without end',
      onRequest('(loop $on (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $on)) (i32.const 0)'),
      'a callback ran for too long (max_fuel)',
    ],
    [
      'ends itself',
      onRequest('(call $exit (i32.const 1)) (i32.const 0)', EXIT),
      'the module ended itself (proc_exit 1)',
    ],
    [
      'keeps the host busy',
      onRequest(
        `(loop $on (drop (call $buffer (i32.const 7) (i32.const 0) (i32.const -1) (i32.const 8) (i32.const 12))) (br $on)) (i32.const 0)`,
        BUFFER,
      ),
      'the module asked the host to copy too much in one callback',
    ],
  ])('%s costs its requests a 503, and nobody else anything', async (_what, filter, reason) => {
    const gateway = await gatewayWith(filter, { conf: 'x'.repeat(60_000) })
    const answer = await gateway.fetch('/f/')
    expect([answer.status, answer.json()]).toEqual([503, { error_msg: 'a filter failed' }])
    expect((await gateway.fetch('/')).status).toBe(200)
    expect((await gateway.fetch('/f/')).status).toBe(503)
    expect(written).toEqual([`wasm fails: ${reason}; requests are refused`])
    expect(gateway.echo.requests).toHaveLength(1)
  })

  it('fails may be passed by', async () => {
    const gateway = await gatewayWith(onRequest('unreachable'), { fail_policy: 'open' })
    for (let count = 0; count < 3; count++) expect((await gateway.fetch('/f/')).status).toBe(200)
    expect(written).toEqual(['wasm fails: the module trapped: unreachable; requests pass it by'])
  })

  it('fails at a response makes it a 503, or is passed by', async () => {
    const closed = await gatewayWith(onResponse('unreachable'))
    const answer = await closed.fetch('/f/')
    expect([answer.status, answer.json(), answer.headers['x-echo']]).toEqual([
      503,
      { error_msg: 'a filter failed' },
      undefined,
    ])
    const open = await gatewayWith(onResponse('unreachable'), { fail_policy: 'open' })
    expect((await open.fetch('/f/')).headers['x-echo']).toBe('1')
    const big = await closed.fetch('/bytes/300000')
    expect([big.status, big.json()]).toEqual([503, { error_msg: 'a filter failed' }])
  })

  it('fails at a body breaks it off once the head has left', async () => {
    const filter = watFilter(
      '',
      '(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) unreachable)',
    )
    const gateway = await gatewayWith(filter)
    const answer = await gateway.fetch('/f/')
    expect([answer.status, answer.json()]).toEqual([503, { error_msg: 'a filter failed' }])
    await gateway.update({
      routes: [
        {
          uri: '/*',
          upstream_id: 'echo',
          plugins: { wasm: { code: filter.toString('base64'), response_body: 'buffer' } },
        },
      ],
    })
    expect((await gateway.fetch('/bytes/300000')).status).toBe(503)
  })

  it('fails at the end of a request changes nothing for it', async () => {
    const gateway = await gatewayWith(watFilter('', '(func (export "proxy_on_log") (param i32) unreachable)'))
    for (let count = 0; count < 2; count++) expect((await gateway.fetch('/f/')).status).toBe(200)
    await vi.waitFor(() =>
      expect(written).toEqual(['wasm fails: the module trapped: unreachable; requests are refused']),
    )
  })

  it.each([
    ['0', '0'],
    ['an address behind its memory', '70000'],
    ['an address below 0', '-16'],
  ])('gives %s for memory gets nothing', async (_what, address) => {
    const filter = `(module ${GET}
      (import "env" "proxy_send_local_response" (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) ${data(100, ':path')}
      (func (export "proxy_abi_version_0_2_0"))
      (func (export "proxy_on_context_create") (param i32 i32))
      (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const ${address}))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $answer
          (i32.add (i32.const 400) (call $get (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 8) (i32.const 12)))
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))))`
    const { wat } = await import('./testing/wat-filter.ts')
    const gateway = await gatewayWith(wat(filter))
    expect((await gateway.fetch('/f/')).status).toBe(406)
  })

  it('holds a response up for ever makes it a 503', async () => {
    const gateway = await gatewayWith(onResponse('(i32.const 1)'))
    expect((await gateway.fetch('/f/', { method: 'HEAD' })).status).toBe(503)
    // Whoever does not look at bodies lets go of what it held up.
    expect((await gateway.fetch('/f/')).status).toBe(200)
    const filter = onResponse(
      '(i32.const 1)',
      '',
      '(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (i32.const 1))',
    )
    const holding = await gatewayWith(filter, { max_resp_body_size: 1_000 })
    expect((await holding.fetch('/bytes/100')).status).toBe(503)
    expect((await holding.fetch('/bytes/100000')).status).toBe(502)
  })

  it('holds a request up for ever is told to go', async () => {
    const gateway = await gatewayWith(onRequest('(i32.const 1)'), { max_pause: 0.02 })
    expect((await gateway.fetch('/f/')).status).toBe(504)
  })

  it('keeps requests that are over cannot keep many', async () => {
    const gateway = await gatewayWith(
      watFilter('', '(func (export "proxy_on_done") (param i32) (result i32) (i32.const 0))'),
    )
    for (let count = 0; count < 3; count++) expect((await gateway.fetch('/f/')).status).toBe(200)
    expect(written).toEqual([])
  })
})

describe('a module', () => {
  it('that cannot start is refused with the configuration', async () => {
    const refuses = watFilter('', '(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))')
    await expect(gatewayWith(refuses)).rejects.toThrow('the filter refuses to start (proxy_on_vm_start returned false)')
    const endless = watFilter('', '(func $start (loop $on (br $on))) (start $start)')
    await expect(gatewayWith(endless)).rejects.toThrow('a callback ran for too long (max_fuel)')
    await expect(gatewayWith(endless, { max_fuel: 0 })).rejects.toThrow('a callback ran for too long (max_fuel)')
  })

  it('that wants a function of the host that is none is refused', async () => {
    const filter = watFilter('(import "env" "proxy_open_file" (func))', '')
    await expect(gatewayWith(filter)).rejects.toThrow(
      'the module imports "env.proxy_open_file", which is neither of proxy-wasm (ABI 0.2.1) nor of the part of WASI that filters have',
    )
  })
})
