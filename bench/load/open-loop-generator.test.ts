import { once } from 'node:events'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { OpenLoopGenerator } from './open-loop-generator.js'

const servers: { close: () => void }[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Calls `answer` for every request, with the number in its path. */
async function listen(answer: (socket: Socket, path: number) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.setEncoding('latin1').on('data', (head: Buffer | string) => {
      answer(socket, Number(/^GET \/r\/(\d+) /.exec(String(head))?.[1]))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push({
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  })
  return (server.address() as AddressInfo).port
}

const reply = (status: number, body: string): string =>
  `HTTP/1.1 ${status} Something\r\nContent-Length: ${body.length}\r\n\r\n${body}`

const plan = { rate: 5_000, seconds: 0.04, warmSeconds: 0, connections: 4, paths: 10, lettered: true }

describe('OpenLoopGenerator', () => {
  it('sends what is due and checks every answer', async () => {
    const port = await listen((socket, path) => socket.write(reply(200, path % 2 === 0 ? 'A.' : 'B.')))
    const result = await new OpenLoopGenerator({ ...plan, port }).run()
    expect(result).toMatchObject({ sent: 200, answered: 200, failed: 0, refused: 0, misrouted: 0, reconnects: 0 })
    expect(result.p99Micros).toBeGreaterThanOrEqual(result.p50Micros)
    expect(result.p50Micros).toBeGreaterThan(0)
  })

  it('counts wrong letters and statuses apart', async () => {
    const port = await listen((socket, path) => socket.write(reply(path === 3 ? 503 : 200, 'A')))
    const result = await new OpenLoopGenerator({ ...plan, port }).run()
    // Of ten paths in turn, five are odd and want B: 3 is refused, 1, 5, 7 and 9 get the wrong letter.
    expect(result).toMatchObject({ answered: 200, refused: 20, misrouted: 80 })
  })

  it('counts a connection that closes in the middle of a request, and goes on with a new one', async () => {
    let seen = 0
    const port = await listen((socket, path) => {
      seen++
      if (seen === 5) socket.destroy()
      else socket.write(reply(200, path % 2 === 0 ? 'A' : 'B'))
    })
    const result = await new OpenLoopGenerator({ ...plan, port }).run()
    expect(result).toMatchObject({ sent: 200, answered: 199, failed: 1, misrouted: 0 })
  })

  it('puts together answers that arrive in pieces', async () => {
    const port = await listen((socket, path) => {
      const whole = reply(200, (path % 2 === 0 ? 'A' : 'B') + 'x'.repeat(200_000))
      socket.write(whole.slice(0, 10))
      setImmediate(() => socket.write(whole.slice(10)))
    })
    const result = await new OpenLoopGenerator({ ...plan, rate: 500, port }).run()
    expect(result).toMatchObject({ sent: 20, answered: 20, failed: 0, misrouted: 0 })
  })
})
