import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { WebSocketClient } from './websocket-client.js'

/** @returns after `count` echoes, or with the reason of a failure */
function echoes(port: number, count: number): Promise<number | string> {
  return new Promise((resolve) => {
    let seen = 0
    const client = new WebSocketClient(
      port,
      () => {
        if (++seen < count) return true
        client.close()
        resolve(seen)
        return false
      },
      resolve,
    )
  })
}

let stop = (): void => {}
afterEach(() => stop())

async function webSocketServer(answer: (text: Buffer) => string): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  stop = () => server.close()
  server.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(answer(data))))
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

describe('WebSocketClient', () => {
  it('speaks with an independent server', async () => {
    const port = await webSocketServer(String)
    expect(await echoes(port, 5)).toBe(5)
  })

  it('compares every echo', async () => {
    const port = await webSocketServer((text) => `${text.toString().slice(1)}.`)
    expect(await echoes(port, 5)).toBe('the echo is not the message')
  })

  it('tells what was answered to the handshake', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'))
    stop = () => server.close()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    expect(await echoes(port, 1)).toContain('answered HTTP/1.1 404')
  })
})
