import { afterEach, describe, expect, it } from 'vitest'
import { createServer, request as httpRequest, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { Headers, ResponseHead } from '@sekisho/wire'
import { httpProxy } from '../http-proxy.ts'
import { peer } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import { ProxyError } from '../proxy-error.ts'
import type { ServingListener } from '../server/application.ts'
import type { ClientTunnel } from './local-tunnel.ts'
import type { ResponseTranslator } from './translated-response.ts'

const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined }
const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function upstream(answer: (path: string) => readonly string[]): Promise<number> {
  const server: Server = createServer((request, response) => {
    for (const piece of answer(request.url ?? '')) response.write(piece)
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  })
  return (server.address() as AddressInfo).port
}

async function serve(phases: ProxyPhases<undefined>): Promise<number> {
  const listener: ServingListener = await httpProxy(phases, { logger: QUIET, upgrades: 'any' }).serve({
    host: '127.0.0.1',
    port: 0,
  })
  open.push({
    close: async () => {
      listener.stopAccepting()
      await listener.drain(0)
    },
  })
  return (listener.address as AddressInfo).port
}

async function ask(
  port: number,
  method = 'GET',
): Promise<{ status: number; body: string; seen: string | undefined; length: string | undefined }> {
  return new Promise((resolve, reject) => {
    httpRequest({ port, method, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body,
          seen: response.headers['x-seen'] as string,
          length: response.headers['content-length'],
        }),
      )
    })
      .on('error', reject)
      .end()
  })
}

/** `201:body` becomes a 201 with that body in capitals; `early` sends the head on as soon as it is known. */
class Capitals implements ResponseTranslator {
  head: ResponseHead | undefined = undefined
  private text = ''
  private readonly early: boolean
  constructor(early: boolean) {
    this.early = early
  }
  onHead(): void {}
  onBody(chunk: Uint8Array, end: boolean): Uint8Array {
    this.text += Buffer.from(chunk).toString()
    if (this.text.includes('!')) throw new ProxyError('HTTP_STATUS', 'upstream', 502, 'it said so')
    if (this.early && this.head === undefined && this.text.includes(':')) {
      this.head = new ResponseHead(Number(this.text.split(':', 1)[0]), '', new Headers())
      this.text = this.text.slice(4)
    }
    if (this.early) {
      const bytes = this.head === undefined ? '' : this.text.toUpperCase()
      if (this.head !== undefined) this.text = ''
      return Buffer.from(bytes)
    }
    if (!end) return Buffer.alloc(0)
    const body = this.text.slice(4).toUpperCase()
    const headers = Headers.from({ 'Content-Length': String(body.length) })
    this.head = new ResponseHead(Number(this.text.slice(0, 3)), '', headers, body.length)
    return Buffer.from(body)
  }
}

describe('a response that is translated', () => {
  const phases = (port: number, early: boolean): ProxyPhases<undefined> => ({
    upstreamPeer: () => peer(`127.0.0.1:${port}`),
    upstreamRequestFilter: (session, request) => {
      request.method = 'POST'
      session.translateResponse(new Capitals(early))
    },
    responseFilter: (_, response) => response.headers.set('X-Seen', String(response.status)),
  })

  it.each([
    ['whole', ['201:hello']],
    ['in pieces', ['20', '1:', 'hel', 'lo']],
  ])('is seen by the phases as it leaves: %s', async (_, pieces) => {
    const port = await upstream(() => pieces)
    for (const early of [false, true]) {
      expect(await ask(await serve(phases(port, early)))).toMatchObject({ status: 201, body: 'HELLO', seen: '201' })
    }
  })

  it('has no body for HEAD', async () => {
    const port = await serve(phases(await upstream(() => ['201:', 'hello']), false))
    expect(await ask(port, 'HEAD')).toEqual({ status: 201, body: '', seen: '201', length: '5' })
  })

  it('may fail, before or within', async () => {
    const port = await serve(phases(await upstream(() => ['!']), false))
    expect((await ask(port)).status).toBe(502)
  })
})

describe('an upgrade that ends here', () => {
  it('hands the bytes to its handler', async () => {
    let client: ClientTunnel | undefined
    const told: string[] = []
    const port = await serve({
      upstreamPeer: () => {
        throw new Error('nobody is asked')
      },
      requestFilter: (session) => {
        session.acceptUpgrade(
          { Upgrade: 'own' },
          {
            opened: (tunnel) => void (client = tunnel),
            received: (bytes) => {
              client?.send(Buffer.from(Buffer.from(bytes).toString().toUpperCase()))
              if (bytes.includes(0x2e)) client?.close()
            },
            drained: () => undefined,
            ended: () => told.push('ended'),
            lost: () => told.push('lost'),
            stopping: () => told.push('stopping'),
          },
        )
      },
      responseFilter: (_, response) => response.headers.set('X-Seen', String(response.status)),
      logging: (session) => void told.push(`logged ${session.response?.status}`),
    })
    const socket = connect(port, '127.0.0.1')
    open.push({ close: () => socket.destroy() })
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\nhello')
    while (!text.includes('HELLO')) await once(socket, 'data')
    expect(text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/)
    expect(text).toContain('X-Seen: 101\r\n')
    expect(text).toContain('Connection: Upgrade\r\n')
    socket.write('bye.')
    await once(socket, 'close')
    expect(text.endsWith('HELLOBYE.')).toBe(true)
    expect(told).toEqual(['logged 101'])
  })

  it('is nothing for a request that asks for none', async () => {
    const handler = { opened() {}, received() {}, drained() {}, ended() {}, lost() {}, stopping() {} }
    const port = await serve({
      upstreamPeer: () => peer('127.0.0.1:1'),
      requestFilter: (session) => session.acceptUpgrade({}, handler),
    })
    expect((await ask(port)).status).toBe(500)
  })
})
