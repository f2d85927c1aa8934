import { connect, createServer, type AddressInfo, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { RuntimeApi } from './runtime-api.ts'
import { RecordingListener } from './testing/recording-listener.ts'
import { eventOf, idOf, NEXT, responsePath } from './testing/runtime-side.ts'

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Place {
  readonly api: RuntimeApi
  readonly listener: RecordingListener
  readonly server: Server
  readonly target: { readonly host: string; readonly port: number } | { readonly path: string }
}

async function open(kind: 'tcp' | 'unix'): Promise<Place> {
  const listener = new RecordingListener()
  const api = new RuntimeApi(listener, { functionName: 'fn', functionVersion: '1', handler: 'h', accountId: '0' })
  const server = createServer({ allowHalfOpen: true }, (socket) => api.open(socket))
  const folder = mkdtempSync(join(tmpdir(), 'runtime-api-'))
  const place = kind === 'unix' ? { path: join(folder, 'socket') } : { host: '127.0.0.1', port: 0 }
  await new Promise<void>((resolve) => server.listen(place, resolve))
  closers.push(() => {
    api.close()
    server.close()
    rmSync(folder, { recursive: true })
  })
  return {
    api,
    listener,
    server,
    target:
      kind === 'unix'
        ? { path: join(folder, 'socket') }
        : { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
  }
}

/** Raw bytes to and fro. */
class Raw {
  private text = ''
  private readonly socket: Socket
  private wake: (() => void) | undefined

  constructor(place: Place) {
    this.socket = connect({ ...place.target, allowHalfOpen: true } as NetConnectOpts)
    this.socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1')
      this.wake?.()
    })
    this.socket.on('end', () => this.wake?.())
    this.socket.on('error', () => undefined)
    closers.push(() => void this.socket.destroy())
  }

  write(text: string): void {
    this.socket.write(text, 'latin1')
  }
  end(): void {
    this.socket.end()
  }
  destroy(): void {
    this.socket.destroy()
  }

  /** Waits until what came since the last call ends so. */
  async until(end: string): Promise<string> {
    while (!this.text.endsWith(end)) await new Promise<void>((resolve) => (this.wake = resolve))
    const { text } = this
    this.text = ''
    return text
  }
}

const GET_NEXT = `GET ${NEXT} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
const post = (n: number, body: string): string =>
  `POST ${responsePath(n)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const OK = '{"status":"OK"}'

describe.each(['tcp', 'unix'] as const)('over %s', (kind) => {
  it('one invocation follows the other on one connection', async () => {
    const place = await open(kind)
    const raw = new Raw(place)
    raw.write(GET_NEXT)
    for (let n = 1; n <= 20; n++) {
      place.api.deliver(eventOf(n))
      expect(await raw.until(`{"n":${n}}`)).toContain(`Lambda-Runtime-Aws-Request-Id: ${idOf(n)}\r\n`)
      raw.write(post(n, `[${n}]`))
      await raw.until(OK)
      raw.write(GET_NEXT)
    }
    expect(place.listener.bodies.map(String)).toEqual(Array.from({ length: 20 }, (_, at) => `[${at + 1}]`))
  })

  it('the answer to a half-closed client comes', async () => {
    const place = await open(kind)
    const raw = new Raw(place)
    raw.write(GET_NEXT)
    raw.end()
    while (place.listener.told.length === 0) await new Promise((resolve) => setImmediate(resolve))
    place.api.deliver(eventOf(1))
    expect(await raw.until('{"n":1}')).toContain('200 OK')
  })

  it('6 MB go in and out', async () => {
    const place = await open(kind)
    const payload = Buffer.alloc(6_291_456, 'abc')
    payload.write('the end', payload.length - 7)
    place.api.deliver(eventOf(1, { payload }))
    const raw = new Raw(place)
    raw.write(GET_NEXT)
    const received = await raw.until('the end')
    expect(received.length).toBeGreaterThan(6_291_456)
    raw.write(post(1, payload.toString()))
    await raw.until(OK)
    expect(place.listener.bodies[0]!.equals(payload)).toBe(true)
  })

  it('a stream is as slow as its reader', async () => {
    const place = await open(kind)
    const chunks: Buffer[] = []
    let resumed = 0
    place.listener.onResponseChunk = (chunk) => {
      chunks.push(Buffer.from(chunk))
      setImmediate(() => {
        resumed++
        place.api.resumeResponse()
      })
      return false
    }
    const ended = new Promise<string>((resolve) => {
      place.listener.onResponseEnd = (error) => resolve(error?.type ?? 'well')
    })
    place.api.deliver(eventOf(1))
    const raw = new Raw(place)
    raw.write(GET_NEXT)
    await raw.until('{"n":1}')
    raw.write(
      `POST ${responsePath(1)} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n\r\n`,
    )
    const body = Buffer.alloc(3_000_000, '0123456789')
    for (let at = 0; at < body.length; at += 10_000)
      raw.write(`2710\r\n${body.toString('latin1', at, at + 10_000)}\r\n`)
    raw.write('0\r\n\r\n')
    expect(await ended).toBe('well')
    await raw.until(OK)
    expect(Buffer.concat(chunks).equals(body)).toBe(true)
    expect(resumed).toBe(chunks.length)
  })

  it('a client of node:http is served', async () => {
    const place = await open(kind)
    place.api.deliver(eventOf(1))
    const { target } = place
    const where = 'path' in target ? { socketPath: target.path } : target
    const text = await new Promise<string>((resolve, reject) => {
      request({ ...where, path: NEXT }, (response) => {
        let body = ''
        response.on('data', (bytes: Buffer) => (body += String(bytes)))
        response.on('end', () => resolve(`${String(response.headers['lambda-runtime-deadline-ms'])} ${body}`))
      })
        .on('error', reject)
        .end()
    })
    expect(text).toBe('1800000000123 {"n":1}')
  })

  it('nothing is left when all is closed', async () => {
    const place = await open(kind)
    const callers = [new Raw(place), new Raw(place)]
    for (const caller of callers) caller.write(GET_NEXT)
    while (place.listener.told.length === 0) await new Promise((resolve) => setImmediate(resolve))
    callers[0]!.destroy()
    const closed = new Promise<void>((resolve) => place.server.close(() => resolve()))
    place.api.close()
    await closed
  })
})
