import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliDecompressSync, createBrotliDecompress, createGunzip, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../../testing/start-gateway.ts'

interface Got {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: Buffer
}

let upstream: Server
let gateway: TestGateway
let answer: RequestListener

const TEXT = 'all work and no play '.repeat(50)
const send =
  (body: string | Buffer, headers: Record<string, string> = {}, status = 200): RequestListener =>
  (_request, response) => {
    response.writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      ...headers,
    })
    response.end(body)
  }

beforeAll(async () => {
  upstream = createServer((request, response) => answer(request, response))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const route = (uri: string, plugins: object): object => ({
    uri,
    plugins,
    upstream: { nodes: { [`127.0.0.1:${(upstream.address() as AddressInfo).port}`]: 1 } },
  })
  gateway = await startGateway({
    routes: [
      route('/gzip', { gzip: { vary: true } }),
      route('/brotli', { brotli: { vary: true } }),
      route('/both', { gzip: {}, brotli: {} }),
      route('/any', { gzip: { types: '*', min_length: 500, comp_level: 9 } }),
      route('/old', { gzip: { http_version: 1 } }),
      route('/small', { brotli: { types: ['TEXT/html'], comp_level: 11, lgwin: 10, lgblock: 16, mode: 1 } }),
    ],
  })
})
afterAll(async () => {
  await gateway.close()
  upstream.closeAllConnections()
  await new Promise((resolve) => upstream.close(resolve))
})
beforeEach(() => {
  answer = send(TEXT)
})

function get(path: string, encoding: string | undefined, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const headers = encoding === undefined ? {} : { 'accept-encoding': encoding }
    const request = httpRequest(
      { port: gateway.port, host: '127.0.0.1', path, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        )
      },
    )
    request.on('error', reject)
    request.end()
  })
}

const CODINGS = [
  ['gzip', 'gzip', gunzipSync],
  ['brotli', 'br', brotliDecompressSync],
] as const

describe.each(CODINGS)('%s', (path, coding, decode) => {
  it('compresses for those who take it', async () => {
    const { headers, body } = await get(`/${path}`, `deflate, ${coding};q=0.5`)
    expect(headers).toMatchObject({ 'content-encoding': coding, vary: 'Accept-Encoding' })
    expect(headers).not.toHaveProperty('content-length')
    expect(body.length).toBeLessThan(200)
    expect(decode(body).toString()).toBe(TEXT)
  })

  it.each([undefined, 'identity', `${coding};q=0`, 'deflate'])('and not for those who do not: %s', async (encoding) => {
    const { headers, body } = await get(`/${path}`, encoding)
    expect(headers).toMatchObject({ 'content-length': String(TEXT.length), vary: 'Accept-Encoding' })
    expect(headers).not.toHaveProperty('content-encoding')
    expect(body.toString()).toBe(TEXT)
  })

  it('compresses large bodies piece by piece', async () => {
    const pieces = Array.from({ length: 300 }, (_, at) => Buffer.from(`${at} ${Math.sin(at)} `.repeat(1_000)))
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' })
      for (const piece of pieces) response.write(piece)
      response.end()
    }
    const { headers, body } = await get(`/${path}`, coding)
    expect(headers['content-encoding']).toBe(coding)
    expect(decode(body).equals(Buffer.concat(pieces))).toBe(true)
  })

  it('compresses bodies that do not compress', async () => {
    let seed = 7
    const noise = Buffer.alloc(400_000)
    for (let at = 0; at < noise.length; at++) noise[at] = (seed = (seed * 16_807) % 2_147_483_647) >> 8
    answer = send(noise)
    const { body } = await get(`/${path}`, coding)
    expect(decode(body).equals(noise)).toBe(true)
  })

  it.each([
    ['encoded already', TEXT, { 'content-encoding': 'deflate' }, 200],
    ['of another type', TEXT, { 'content-type': 'image/png' }, 200],
    ['too small', 'short', {}, 200],
    ['a part', TEXT, { 'content-range': `bytes 0-1049/2000` }, 206],
    ['not to be transformed', TEXT, { 'cache-control': 'public, no-transform' }, 200],
  ])('leaves alone what is %s', async (_, text, headers, status) => {
    answer = send(text, headers as Record<string, string>, status)
    const got = await get(`/${path}`, coding)
    expect([got.status, got.body.toString()]).toEqual([status, text])
    expect(got.headers['content-encoding']).toBe((headers as Record<string, string>)['content-encoding'])
  })

  it('leaves HEAD and 304 alone, and weakens validators', async () => {
    answer = (request, response) =>
      send(request.method === 'HEAD' ? '' : TEXT, { etag: '"v1"', 'content-length': String(TEXT.length) })(
        request,
        response,
      )
    expect((await get(`/${path}`, coding, 'HEAD')).headers).toMatchObject({
      'content-length': String(TEXT.length),
      etag: '"v1"',
    })
    expect((await get(`/${path}`, coding)).headers['etag']).toBe('W/"v1"')
    answer = (_request, response) => response.writeHead(304, { etag: '"v1"', 'content-type': 'text/html' }).end()
    const { status, headers } = await get(`/${path}`, coding)
    expect([status, headers['etag'], headers['content-encoding']]).toEqual([304, '"v1"', undefined])
  })

  it('ends when the upstream breaks off', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html', 'content-length': '100000' })
      response.write(TEXT.repeat(10), () => response.destroy())
    }
    await expect(get(`/${path}`, coding)).rejects.toThrow()
    answer = send(TEXT)
    expect(decode((await get(`/${path}`, coding)).body).toString()).toBe(TEXT)
  })
})

describe('both', () => {
  it('Brotli comes first', async () => {
    expect((await get('/both', 'gzip, br')).headers['content-encoding']).toBe('br')
    expect((await get('/both', 'gzip')).headers['content-encoding']).toBe('gzip')
    expect((await get('/both', '*')).headers['content-encoding']).toBe('br')
  })

  it('go by their options', async () => {
    answer = send(TEXT, { 'content-type': 'x/y' })
    expect((await get('/any', 'gzip')).headers['content-encoding']).toBe('gzip')
    answer = send(TEXT.slice(0, 499), { 'content-type': 'x/y' })
    expect((await get('/any', 'gzip')).headers['content-encoding']).toBeUndefined()
    answer = send(TEXT)
    expect(brotliDecompressSync((await get('/small', 'br')).body).toString()).toBe(TEXT)
  })

  it.each([
    ['/both', 'br', createBrotliDecompress],
    ['/gzip', 'gzip', createGunzip],
  ])('%s sends each event of a stream at once', async (path, coding, decompress) => {
    await gateway.update({
      routes: [
        {
          uri: path,
          plugins: {
            gzip: { types: ['text/event-stream'] },
            ...(coding === 'br' ? { brotli: { types: ['text/event-stream'] } } : {}),
          },
          upstream: { nodes: { [`127.0.0.1:${(upstream.address() as AddressInfo).port}`]: 1 } },
        },
      ],
    })
    let next = (): void => undefined
    answer = (_request, response) => {
      let count = 0
      next = () => {
        if (++count <= 3) response.write(`data: ${count}\n\n`)
        else response.end()
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      next()
    }
    const events = await new Promise<string[]>((resolve, reject) => {
      const seen: string[] = []
      const request = httpRequest(
        { port: gateway.port, host: '127.0.0.1', path, headers: { 'accept-encoding': coding }, agent: false },
        (response) => {
          expect(response.headers['content-encoding']).toBe(coding)
          response
            .pipe(decompress())
            .on('data', (piece: Buffer) => {
              seen.push(piece.toString())
              next()
            })
            .on('error', reject)
            .on('end', () => resolve(seen))
        },
      )
      request.on('error', reject)
      request.end()
    })
    expect(events).toEqual(['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n'])
  })

  it.each([
    [{ gzip: { comp_level: 0 } }, 'comp_level'],
    [{ gzip: { types: [] } }, 'types'],
    [{ gzip: { types: 'text/html' } }, 'types'],
    [{ gzip: { http_version: 2 } }, 'http_version'],
    [{ brotli: { lgwin: 9 } }, 'lgwin'],
    [{ brotli: { mode: 3 } }, 'mode'],
  ])('refuse %j', async (plugins, message) => {
    await expect(gateway.update({ routes: [{ uri: '/', upstream_id: 'echo', plugins }] })).rejects.toThrow(message)
  })

  it('take what APISIX takes', async () => {
    const plugins = {
      gzip: { buffers: { number: 8, size: 1 }, vary: false },
      brotli: { lgwin: 0, lgblock: 0, vary: false },
    }
    await gateway.update({ routes: [{ uri: '/', upstream_id: 'echo', plugins }] })
  })
})
