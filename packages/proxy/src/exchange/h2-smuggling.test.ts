import { afterEach, describe, expect, it } from 'vitest'
import { startProxyTo } from './testing/proxy-harness.ts'
import { frame, RawH2Client, type RawFields } from './testing/raw-h2-client.ts'
import { RawUpstream, reply } from './testing/raw-upstream.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'
const BASE: RawFields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a.test'],
  [':path', '/'],
]
/** Those of `BASE` that are named are replaced, others follow. */
function request(...fields: RawFields): RawFields {
  const own = new Map(fields)
  return [
    ...BASE.map(([name, value]) => [name, own.get(name) ?? value] as const),
    ...fields.filter(([name]) => !BASE.some(([each]) => each === name)),
  ]
}
const post = (...fields: RawFields): RawFields => request([':method', 'POST'], ...fields)

/** Bytes that end a line, or that some server takes for what ends one. */
const BREAKS = ['\r\n', '\n', '\r', '\0', '\x0b', '\x0c', '\x7f', '\r\n\r\n', '\x85']
const INJECTED = `x-smuggled: 1\r\n\r\n${SMUGGLED}`

const heads: [string, RawFields][] = [
  ...BREAKS.filter((each) => each !== '\x85').flatMap((end): [string, RawFields][] => [
    [`${JSON.stringify(end)} in a value`, request(['x-a', `b${end}${INJECTED}`])],
    [`${JSON.stringify(end)} in a name`, request([`x-a${end}x-smuggled`, 'b'])],
    [`${JSON.stringify(end)} in :method`, request([':method', `GET /smuggled HTTP/1.1${end}x:`])],
    [`${JSON.stringify(end)} in :authority`, request([':authority', `a.test${end}x-smuggled: 1`])],
    [`${JSON.stringify(end)} in a cookie`, request(['cookie', `a=b${end}x-smuggled: 1`])],
  ]),
  ...BREAKS.map((end): [string, RawFields] => [
    `${JSON.stringify(end)} in :path`,
    request([':path', `/${end}${INJECTED}`]),
  ]),
  ['a blank in :path', request([':path', '/ HTTP/1.1\tx'])],
  ['a second request line in :path', request([':path', '/smuggled HTTP/1.1'])],
  [':path without a slash', request([':path', 'smuggled'])],
  [':path with an authority', request([':path', 'http://b.test/smuggled'])],
  [':path with another @', request([':path', '@b.test/smuggled'])],
  ['a backslash in :path', request([':path', '/\\smuggled'])],
  ['host that is not :authority', request(['host', 'smuggled.test'])],
  ['two hosts', request(['host', 'a.test'], ['host', 'smuggled.test'])],
  [':authority with userinfo', request([':authority', 'smuggled@a.test'])],
  [':authority with a path', request([':authority', 'a.test/smuggled'])],
  [':authority with a blank', request([':authority', 'a.test smuggled'])],
  ['two of :authority', [...BASE, [':authority', 'smuggled.test']]],
  ['two of :path', [...BASE, [':path', '/smuggled']]],
  ['two of :method', [...BASE, [':method', 'SMUGGLED']]],
  ['a pseudo-field behind others', [['x-a', 'b'], ...request([':path', '/smuggled'])]],
  [':path in upper case', request([':PATH', '/smuggled'])],
  ['transfer-encoding: chunked', post(['transfer-encoding', 'chunked'])],
  ['Transfer-Encoding in upper case', post(['Transfer-Encoding', 'chunked'])],
  ['transfer-encoding with a blank in its name', post(['transfer-encoding ', 'chunked'])],
  ['transfer_encoding with a colon', post(['transfer-encoding: chunked\r\nx', 'y'])],
  ['connection', request(['connection', 'x-secret'], ['x-secret', 'smuggled'])],
  ['upgrade', request(['upgrade', 'h2c'], ['http2-settings', 'smuggled'])],
  ['a leading blank in a value', request(['x-a', ' chunked'])],
  ['a trailing tab in a value', request(['x-a', 'chunked\t'])],
  ['content-length twice', post(['content-length', '0'], ['content-length', String(SMUGGLED.length)])],
  ['content-length as a list', post(['content-length', '0, 5'])],
  ['content-length with a sign', post(['content-length', '+5'])],
  ['content-length in hexadecimal', post(['content-length', '0x5'])],
  ['content-length that is negative', post(['content-length', '-5'])],
  ['content-length above all numbers', post(['content-length', '99999999999999999999'])],
  ['CONNECT', request([':method', 'CONNECT'], [':path', '/smuggled'])],
  ['CONNECT for a tunnel with line ends', request([':method', 'CONNECT'], [':protocol', `websocket\r\nx-smuggled: 1`])],
]

/** An upstream of HTTP/1.1 that answers whatever it takes for a request, and a client of frames. */
async function start() {
  const lines: string[] = []
  const upstream = await RawUpstream.answering((message) => {
    lines.push(message.line)
    return reply('fine')
  })
  const proxy = await startProxyTo(upstream.address)
  return { upstream, proxy, lines, client: await RawH2Client.connect(proxy.port) }
}

describe('from HTTP/2 to HTTP/1.1', () => {
  it.each(heads)('%s: reaches no upstream', async (_, fields) => {
    const { client, lines } = await start()
    client.headers(1, fields, false)
    client.data(1, SMUGGLED, true)
    const refused = await client.over(1)
    expect(refused.resetCode !== undefined || refused.status >= 400).toBe(true)
    client.headers(3, request([':path', '/good']), true)
    expect(await client.over(3)).toMatchObject({ status: 200, body: 'fine' })
    expect(lines).toEqual(['GET /good HTTP/1.1'])
  })

  it.each([
    ['more than', 5],
    ['less than', 500],
    ['nothing of', 0],
  ])('a body that is %s its content-length is not followed by another request', async (_, length) => {
    const { client, lines, upstream } = await start()
    client.headers(1, post(['content-length', String(length)]), false)
    client.data(1, SMUGGLED, true)
    expect((await client.over(1)).resetCode).toBeDefined()
    client.headers(3, request([':path', '/good']), true)
    expect((await client.over(3)).status).toBe(200)
    expect(lines.filter((line) => line.includes('smuggled'))).toEqual([])
    expect(lines.at(-1)).toBe('GET /good HTTP/1.1')
    // A connection with half a request on it is not used again.
    for (const connection of upstream.connections.slice(0, -1)) await connection.hungUp
  })

  it('a body of chunks is in chunks again, whatever it looks like', async () => {
    const bodies: string[] = []
    const upstream = await RawUpstream.answering((message) => {
      bodies.push(`${message.framing} ${message.body}`)
      return reply('fine')
    })
    const proxy = await startProxyTo(upstream.address)
    const client = await RawH2Client.connect(proxy.port)
    client.headers(1, post(), false)
    client.data(1, `0\r\n\r\n${SMUGGLED}`, false)
    client.send(frame(0, 9, 1, Buffer.from(`\u0005${SMUGGLED}12345`)))
    expect((await client.over(1)).status).toBe(200)
    expect(bodies).toEqual([`chunked 0\r\n\r\n${SMUGGLED}${SMUGGLED}`])
  })

  it('trailers cannot say who the client is, nor what frames it', async () => {
    const trailers: string[] = []
    const upstream = await RawUpstream.answering((message) => {
      trailers.push(message.trailers)
      return reply('fine')
    })
    const proxy = await startProxyTo(upstream.address)
    const client = await RawH2Client.connect(proxy.port)
    client.headers(1, post(), false)
    client.headers(
      1,
      [
        ['x-sum', '7'],
        ['x-forwarded-for', '10.0.0.1'],
        ['content-length', '5'],
        ['host', 'smuggled.test'],
      ],
      true,
    )
    expect((await client.over(1)).status).toBe(200)
    expect(trailers).toEqual(['x-sum: 7\r\n'])
  })

  it('cookies in pieces are one field', async () => {
    const heads: string[] = []
    const upstream = await RawUpstream.answering((message) => {
      heads.push(message.head)
      return reply('fine')
    })
    const proxy = await startProxyTo(upstream.address)
    const client = await RawH2Client.connect(proxy.port)
    client.headers(1, request(['cookie', 'a=1'], ['cookie', 'b=2'], ['host', 'A.test']), true)
    expect((await client.over(1)).status).toBe(200)
    expect(heads).toEqual(['GET / HTTP/1.1\r\nhost: a.test\r\ncookie: a=1; b=2\r\n\r\n'])
  })
})

describe('a storm of requests that are taken back', () => {
  it('opens no more upstream connections than the calm that follows allows, and leaves none', async () => {
    const upstream = await RawUpstream.start(() => undefined)
    const proxy = await startProxyTo(upstream.address)
    const client = await RawH2Client.connect(proxy.port)
    for (let id = 1; id < 10_000; id += 2) {
      client.headers(id, request(), true)
      client.send(frame(3, 0, id, Buffer.of(0, 0, 0, 8)))
    }
    await client.over(20_001)
    await eventually('all requests are over', () => proxy.proxy.runtime.pools.active === 0)
    expect(proxy.ends.length).toBeLessThanOrEqual(1_100)
    expect(upstream.connections.length).toBeLessThanOrEqual(1_100)
    expect(proxy.proxy.connectionCount).toBe(0)
  })
})
