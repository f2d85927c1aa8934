import { afterEach, describe, expect, test } from 'vitest'
import { peer } from '../peers/peer.ts'
import { ProxyError } from '../proxy-error.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { DEAD, RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const silent = (): Promise<RawUpstream> =>
  RawUpstream.start(async (connection) => {
    await connection.request()
    await connection.hungUp
  })

describe('the time of one attempt', () => {
  test('is over: another node is asked, and the first one is hung up on', async () => {
    const slow = await silent()
    const fast = await RawUpstream.answering(() => reply('fast'))
    const codes: string[] = []
    const proxy = await startProxy({
      upstreamPeer: (session) => {
        session.limitAttempt(20)
        return peer(session.attempts === 1 ? slow.address : fast.address)
      },
      errorWhileProxy: (_session, _peer, error) => void codes.push(`${error.code} ${error.status}`),
    })
    const client = await proxy.connect()
    expect((await client.get()).body).toBe('fast')
    await (
      await slow.connection()
    ).hungUp
    expect(codes).toEqual(['READ_TIMEOUT 504'])
    expect((await proxy.end()).session.attempts).toBe(2)
  })

  test('is of the head alone: a body may take longer', async () => {
    const upstream = await RawUpstream.start(async (connection) => {
      await connection.request()
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab')
      // Two sweeps of the time limits.
      await new Promise((resolve) => setTimeout(resolve, 150))
      connection.send('cd')
    })
    const proxy = await startProxy({
      upstreamPeer: (session) => {
        session.limitAttempt(20)
        return peer(upstream.address)
      },
    })
    const client = await proxy.connect()
    expect((await client.get()).body).toBe('abcd')
  })

  test('is no reason to send a POST again', async () => {
    const slow = await silent()
    const proxy = await startProxy({
      upstreamPeer: (session) => {
        session.limitAttempt(20)
        return peer(slow.address)
      },
    })
    const client = await proxy.connect()
    const answer = await client.post('/', 'x')
    expect([statusOf(answer), JSON.parse(answer.body).reason]).toEqual([504, 'READ_TIMEOUT'])
  })
})

describe('a back-off', () => {
  test('comes before the next attempt', async () => {
    const good = await RawUpstream.answering(() => reply('good'))
    const at: number[] = []
    const proxy = await startProxy({
      upstreamPeer: (session) => {
        at.push(performance.now())
        return peer(session.attempts === 1 ? DEAD[0] : good.address)
      },
      failToConnect: (_session, _peer, error) => void (error.retryAfterMs = 40),
    })
    const client = await proxy.connect()
    expect((await client.post('/', 'body')).body).toBe('good')
    expect(at[1] - at[0]).toBeGreaterThan(39)
  })

  test('ends with the client', async () => {
    let attempts = 0
    const proxy = await startProxy({
      upstreamPeer: () => {
        attempts++
        return peer(DEAD[0])
      },
      failToConnect: (_session, _peer, error) => {
        error.retryAfterMs = 30
        client.reset()
      },
    })
    const client = await proxy.connect()
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await proxy.end()
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(attempts).toBe(1)
  })
})

describe('a body', () => {
  test.each([
    [100, 3, false],
    [100, 200, true],
    [0, 1, false],
  ])('of %d bytes is remembered up to %d', async (length, limit, again) => {
    let served = 0
    const upstream = await RawUpstream.start(async (connection) => {
      for (;;) {
        const { body } = await connection.request()
        if (served++ === 0 && length > 0) connection.send(reply('busy', '', '503 Busy'))
        else connection.send(reply(`got ${body.length}`))
      }
    })
    const proxy = await startProxy({
      upstreamPeer: (session) => {
        session.limitReplay(limit)
        return peer(upstream.address)
      },
      upstreamResponseFilter: (session, response) => {
        if (response.status !== 503 || !session.replayable) return
        const error = new ProxyError('HTTP_STATUS', 'upstream', 503, 'busy')
        error.retry = true
        throw error
      },
    })
    const client = await proxy.connect()
    const answer = await client.post('/', 'x'.repeat(length))
    expect(answer.body).toBe(again || length === 0 ? `got ${length}` : 'busy')
  })
})

test('an error may bring fields for its answer', async () => {
  const proxy = await startProxy({
    upstreamPeer: () => {
      const error = new ProxyError('OVERLOADED', 'upstream', 503, 'too much')
      error.fields = { 'Retry-After': '3' }
      throw error
    },
  })
  const client = await proxy.connect()
  const answer = await client.get()
  expect(statusOf(answer)).toBe(503)
  expect(answer.head).toMatch(/\r\nRetry-After: 3\r\n/)
})
