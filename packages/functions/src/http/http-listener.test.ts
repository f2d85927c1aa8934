import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Headers } from '@sekisho/wire'
import type { HttpHandler, HttpReply, HttpRequest } from './http-exchange.ts'
import { HttpListener } from './http-listener.ts'

let listener: HttpListener | undefined
afterEach(() => listener?.close())

async function serve(handle: HttpHandler['handle'], maxBytes = 1_000): Promise<string> {
  listener = await HttpListener.listen({ host: '127.0.0.1', port: 0 }, { maxBodyBytes: () => maxBytes, handle })
  return `http://127.0.0.1:${listener.port}`
}
const echo = (request: HttpRequest, reply: HttpReply): void =>
  reply.send(200, Headers.from({ 'x-path': request.path, 'x-query': request.query }), request.body)

describe('a handler of whole requests', () => {
  it('is given method, path, query and body', async () => {
    const origin = await serve(echo)
    const answer = await fetch(`${origin}/a%20b?c=d`, { method: 'POST', body: 'żółw' })
    expect(answer.headers.get('x-path')).toBe('/a%20b')
    expect(answer.headers.get('x-query')).toBe('c=d')
    expect(await answer.text()).toBe('żółw')
  })

  it('answers in pieces', async () => {
    const origin = await serve((_, reply) => {
      reply.start(200, Headers.from({}))
      for (const piece of ['a', 'b', 'c']) reply.write(Buffer.from(piece))
      reply.end()
    })
    expect(await (await fetch(origin)).text()).toBe('abc')
  })

  it('is not called for a body that is too large, whether its length is told or not', async () => {
    let calls = 0
    const origin = await serve((request, reply) => {
      calls++
      echo(request, reply)
    }, 10)
    expect((await fetch(origin, { method: 'POST', body: 'x'.repeat(11) })).status).toBe(413)
    const chunked = new Blob(['x'.repeat(11)]).stream()
    const answer = await fetch(origin, { method: 'POST', body: chunked, duplex: 'half' } as RequestInit)
    expect(answer.status).toBe(413)
    expect(calls).toBe(0)
    expect((await fetch(origin, { method: 'POST', body: 'x'.repeat(10) })).status).toBe(200)
  })

  it('learns that its client has gone', async () => {
    let told!: () => void
    const gone = new Promise<void>((resolve) => (told = resolve))
    let asked!: () => void
    const arrived = new Promise<void>((resolve) => (asked = resolve))
    const origin = await serve((_, reply) => {
      reply.onLost = told
      asked()
    })
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await arrived
    socket.resetAndDestroy()
    await gone
  })

  it('shuts down when what was begun is answered', async () => {
    let reply!: HttpReply
    let arrived!: () => void
    const asked = new Promise<void>((resolve) => (arrived = resolve))
    const origin = await serve((_, given) => {
      reply = given
      arrived()
    })
    const answer = fetch(origin)
    await asked
    let down = false
    const shutdown = listener?.shutdown(60_000).then(() => (down = true))
    await expect(fetch(origin)).rejects.toThrow()
    expect(down).toBe(false)
    reply.send(200, new Headers(), 'late')
    expect(await (await answer).text()).toBe('late')
    await shutdown
  })

  it('cuts what takes longer than its grace', async () => {
    let arrived!: () => void
    const asked = new Promise<void>((resolve) => (arrived = resolve))
    const origin = await serve(() => arrived())
    const answer = fetch(origin).catch((error: unknown) => error)
    await asked
    await listener?.shutdown(1)
    expect(await answer).toBeInstanceOf(Error)
  })
})
