import { describe, expect, it } from 'vitest'
import { openClientSide, type ClientSide, type RecordedResponse } from '../testing/client-side.ts'
import { settle } from '../testing/memory-socket.ts'
import { answerNothing, openServerSide, response, type ServerSide } from '../testing/server-side.ts'
import type { TunnelEnds } from '../streams/tunnel-ends.ts'

const UPGRADE = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

/** Joins the two connections as plainly as can be, and notes what it is told. */
class PlainTunnel implements TunnelEnds {
  readonly told: string[] = []
  client: ServerSide | undefined
  upstream: ClientSide | undefined

  fromClient(chunk: Uint8Array): void {
    this.told.push(`client: ${Buffer.from(chunk).toString('latin1')}`)
    this.upstream?.connection.sendTunnelBytes(chunk)
  }
  fromUpstream(chunk: Uint8Array): void {
    this.told.push(`upstream: ${Buffer.from(chunk).toString('latin1')}`)
    this.client?.connection.sendTunnelBytes(chunk)
  }
  clientDrained(): void {
    this.told.push('client drained')
  }
  upstreamDrained(): void {
    this.told.push('upstream drained')
  }
  clientEnded(): void {
    this.told.push('client ended')
  }
  upstreamEnded(): void {
    this.told.push('upstream ended')
  }
  clientLost(): void {
    this.told.push('client lost')
  }
  upstreamLost(): void {
    this.told.push('upstream lost')
  }
  stopping(): void {
    this.told.push('stopping')
  }
}

function openTunnel(
  clientBytes = '',
  upstreamBytes = '',
): { tunnel: PlainTunnel; client: ServerSide; upstream: ClientSide } {
  const tunnel = new PlainTunnel()
  const client = openServerSide(answerNothing)
  const upstream = openClientSide()
  tunnel.client = client
  tunnel.upstream = upstream
  client.socket.receive(UPGRADE + clientBytes)
  const asked: RecordedResponse = upstream.ask({ upgrade: true })
  upstream.socket.takeSent()
  asked.onEach = () => {
    upstream.connection.joinTunnel(tunnel)
    client.connection.startTunnel(response(101, { Connection: 'Upgrade', Upgrade: 'websocket' }), tunnel)
  }
  upstream.socket.receive(SWITCHING + upstreamBytes)
  return { tunnel, client, upstream }
}

describe('a tunnel', () => {
  it('takes bytes both ways, also those that came with the heads', () => {
    const { tunnel, client, upstream } = openTunnel('early from client', 'early from upstream')
    expect(client.requests[0].head.upgrade).toBe(true)
    client.socket.receive('GET / HTTP/1.1\r\n\r\n')
    upstream.socket.receive('\0\r\n\r\n')
    expect(client.socket.sent).toBe(`${SWITCHING}early from upstream\0\r\n\r\n`)
    expect(upstream.socket.sent).toBe('early from clientGET / HTTP/1.1\r\n\r\n')
    expect(tunnel.told).toHaveLength(4)
  })

  it('copies what it hands on', async () => {
    const { tunnel, client, upstream } = openTunnel()
    const kept: Uint8Array[] = []
    tunnel.fromClient = (chunk) => void kept.push(chunk)
    client.socket.receive('one')
    client.socket.receive('two')
    expect(Buffer.concat(kept).toString()).toBe('onetwo')
    await settle()
    expect(upstream.socket.sent).toBe('')
  })

  it('has no time limit', () => {
    const { client, upstream } = openTunnel()
    client.clock.pass(10_000_000)
    upstream.clock.pass(10_000_000)
    expect(client.socket.destroyed || upstream.socket.destroyed).toBe(false)
  })

  it('stops and goes on, each way', async () => {
    const { tunnel, client, upstream } = openTunnel()
    client.connection.pauseRequestBody()
    upstream.connection.pauseBody()
    client.socket.receive('c')
    upstream.socket.receive('u')
    expect(tunnel.told).toEqual([])
    client.connection.resumeRequestBody()
    upstream.connection.resumeBody()
    await settle()
    expect(tunnel.told.toSorted()).toEqual(['client: c', 'upstream: u'])
  })

  it('tells of queues that have drained', async () => {
    const { tunnel, client, upstream } = openTunnel()
    client.socket.block()
    upstream.socket.block()
    expect(client.connection.sendTunnelBytes(Buffer.alloc(300_000))).toBe(2)
    expect(upstream.connection.sendTunnelBytes(Buffer.alloc(300_000))).toBe(2)
    client.socket.unblock()
    upstream.socket.unblock()
    await settle()
    expect(tunnel.told).toEqual(['client drained', 'upstream drained'])
  })

  it('passes half closes on', async () => {
    const { tunnel, client, upstream } = openTunnel()
    client.socket.receiveEnd()
    await settle()
    expect(tunnel.told).toEqual(['client ended'])
    upstream.connection.endTunnel()
    upstream.socket.receive('after the end of the client')
    expect(client.socket.sent).toContain('after the end of the client')
    upstream.socket.receiveEnd()
    await settle()
    expect(tunnel.told.slice(2)).toEqual(['upstream ended', 'upstream lost'])
    client.connection.endTunnel()
    await settle()
    expect(tunnel.told.at(-1)).toBe('client lost')
    expect(client.handler.closed).toBe(1)
    expect(upstream.closed).toBe(1)
  })

  it('tells of a lost side', async () => {
    const first = openTunnel()
    first.client.socket.destroy(new Error('read ECONNRESET'))
    const second = openTunnel()
    second.upstream.socket.destroy(new Error('read ECONNRESET'))
    await settle()
    expect(first.tunnel.told).toEqual(['client lost'])
    expect(second.tunnel.told).toEqual(['upstream lost'])
    expect(second.upstream.connection.sendTunnelBytes(Buffer.from('x'))).toBe(0)
  })
})

describe('an upgrade', () => {
  it('that is not taken leaves a usual exchange', async () => {
    const client = openServerSide(answerNothing)
    client.socket.receive(`${UPGRADE}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`)
    client.requests[0].respond('no')
    await settle()
    expect(client.requests.map((each) => each.head.target)).toEqual(['/chat', '/next'])
  })

  it('is no tunnel while there is a body: it could not be told where that ends', () => {
    for (const framing of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
      const client = openServerSide(answerNothing)
      client.socket.receive(UPGRADE.replace('Host: a', `Host: a\r\n${framing}`))
      expect(client.requests[0].head).toMatchObject({ upgrade: false, hopByHop: true })
    }
  })
})
