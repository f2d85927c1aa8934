import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { data, watFilter } from './testing/wat-filter.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function gatewayWith(filter: Buffer, config: object = {}, upstream?: number): Promise<TestGateway> {
  const plugins = { wasm: { code: filter.toString('base64'), ...config } }
  const target = upstream === undefined ? { upstream_id: 'echo' } : { upstream: `http://127.0.0.1:${upstream}` }
  const gateway = await startGateway({ routes: [{ uri: '/*', ...target, plugins }] })
  open.push(gateway)
  return gateway
}

const ANSWER = `(import "env" "proxy_send_local_response" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))`
/** Answers with this status and the text at 100, `size` bytes of it. */
const answer = (status: string, size = 0): string =>
  `(drop (call $send ${status} (i32.const 0) (i32.const 0) (i32.const 100) (i32.const ${size}) (i32.const 0) (i32.const 0) (i32.const -1)))`

const PROPERTY = '(import "env" "proxy_set_property" (func $property (param i32 i32 i32 i32) (result i32)))'
const ADD = '(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))'
const callback = (name: string, code: string): string =>
  `(func (export "proxy_on_${name}") (param $id i32) (param $size i32) (param $end i32) (result i32) ${code})`

/** 300, 10 more at the end of the body, and the size of what there is. */
const SIZE_AND_END = '(i32.add (i32.add (i32.const 300) (i32.mul (local.get $end) (i32.const 10))) (local.get $size))'

describe('bodies', () => {
  it('come in pieces, the end by itself', async () => {
    const filter = watFilter(ANSWER, callback('request_body', `${answer(SIZE_AND_END)} (i32.const 1)`))
    expect((await (await gatewayWith(filter)).fetch('/', { method: 'POST', body: 'hello' })).status).toBe(305)
    const whole = await gatewayWith(filter, { request_body: 'buffer' })
    expect((await whole.fetch('/', { method: 'POST', body: 'hello' })).status).toBe(315)
  })

  it('come whole for a request whose filter says so as for APISIX', async () => {
    const name = 'wasm_process_req_body'
    const filter = watFilter(
      ANSWER + PROPERTY,
      data(200, `${name}1`) +
        callback(
          'request_headers',
          `(drop (call $property (i32.const 200) (i32.const ${name.length}) (i32.const ${200 + name.length}) (i32.const 1))) (i32.const 0)`,
        ) +
        callback('request_body', `${answer(SIZE_AND_END)} (i32.const 1)`),
    )
    expect((await (await gatewayWith(filter)).fetch('/', { method: 'POST', body: 'hello' })).status).toBe(315)
  })

  it('are shown to a filter that holds the head up, and let it go', async () => {
    const filter = watFilter(
      '',
      callback('request_headers', '(i32.const 1)') + callback('request_body', '(i32.const 0)'),
    )
    const gateway = await gatewayWith(filter)
    expect((await gateway.fetch('/', { method: 'POST', body: 'hello' })).status).toBe(200)
    expect(gateway.echo.requests[0].body).toBe('hello')
  })

  it('held up at their end, where nothing can wait, are a failure', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const filter = watFilter('', callback('request_body', '(i32.const 1)'))
    const closed = await gatewayWith(filter)
    expect((await closed.fetch('/', { method: 'POST', body: 'hello' })).status).toBe(503)
    const passing = await gatewayWith(filter, { fail_policy: 'open' })
    expect((await passing.fetch('/', { method: 'POST', body: 'hello' })).status).toBe(200)
    expect(passing.echo.requests[0].body).toBe('hello')
    expect(written.mock.calls.map(([line]) => String(line).split(';')[0])).toEqual([
      'wasm fails: the filter holds the request body up at its end: "request_body: buffer" lets it wait',
      'wasm fails: the filter holds the request body up at its end: "request_body: buffer" lets it wait',
    ])
    written.mockRestore()
  })
})

describe('a response', () => {
  it('gives way to another answer in its head', async () => {
    const filter = watFilter(
      ANSWER,
      data(100, 'instead') + callback('response_headers', `${answer('(i32.const 299)', 7)} (i32.const 1)`),
    )
    const gateway = await gatewayWith(filter)
    for (const path of ['/', '/bytes/300000']) {
      const { status, body, headers } = await gateway.fetch(path)
      expect([status, body, headers['content-length'], headers['x-echo']]).toEqual([299, 'instead', '7', undefined])
    }
    expect((await gateway.fetch('/', { method: 'HEAD' })).status).toBe(299)
  })

  it('gives way to another answer in its body, while that is held back', async () => {
    const filter = watFilter(
      ANSWER,
      data(100, 'instead') + callback('response_body', `${answer('(i32.const 299)', 7)} (i32.const 1)`),
    )
    const gateway = await gatewayWith(filter, { response_body: 'buffer' })
    for (const path of ['/', '/bytes/300000']) {
      const { status, body } = await gateway.fetch(path)
      expect([status, body]).toEqual([299, 'instead'])
    }
  })

  it('shows its trailers, which may be added to', async () => {
    const filter = watFilter(
      ADD,
      data(100, 'x-more1') +
        '(func (export "proxy_on_response_trailers") (param i32 i32) (result i32) (drop (call $add (i32.const 3) (i32.const 100) (i32.const 6) (i32.const 106) (i32.const 1))) (i32.const 0))',
    )
    const server = createServer((_request, response) => {
      response.writeHead(200, { Trailer: 'x-sum' })
      response.write('body')
      response.addTrailers({ 'x-sum': '4' })
      response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push({
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        }),
    })
    const gateway = await gatewayWith(filter, {}, (server.address() as AddressInfo).port)
    const { request } = await import('node:http')
    const trailers = await new Promise<NodeJS.Dict<string>>((resolve, reject) => {
      request({ host: '127.0.0.1', port: gateway.port, headers: { te: 'trailers' }, agent: false }, (response) => {
        response.resume()
        response.on('end', () => resolve(response.trailers))
      })
        .on('error', reject)
        .end()
    })
    expect(trailers).toEqual({ 'x-sum': '4', 'x-more': '1' })
  })
})
