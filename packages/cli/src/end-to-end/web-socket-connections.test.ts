import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Sekisho } from '../testing/sekisho.ts'

let cwd: string
let lambda: Server
let running: Sekisho | undefined
/** Who connected, by the `n` that it connected with. */
const ids = new Map<string, string>()
const sockets: WebSocket[] = []
/** As many as may be needed until a second worker holds one. */
const MAX_CLIENTS = 256

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-connections-'))
  lambda = createServer((request, response) => {
    void text(request).then((body) => {
      const event = JSON.parse(body) as {
        queryStringParameters?: { n: string }
        requestContext: { connectionId: string }
      }
      const n = event.queryStringParameters?.n
      if (n !== undefined) ids.set(n, event.requestContext.connectionId)
      response.end('{"statusCode":200}')
    })
  })
  await new Promise<void>((resolve) => lambda.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await running?.stop()
  running = undefined
  lambda.closeAllConnections()
  await new Promise((resolve) => lambda.close(resolve))
  rmSync(cwd, { recursive: true })
})

it('reaches the connections of every worker, whichever worker is asked, and says goodbye to all', async () => {
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
workers: 4
metrics: false
shutdown: { grace_period: 1 }
routes:
  - uri: /chat
    plugins:
      lambda-websocket:
        endpoint: http://127.0.0.1:${(lambda.address() as AddressInfo).port}
        routes: { $connect: { function_name: connect } }
  - uri: /prod/@connections/*
    plugins: { lambda-connections: { allow_unsigned: true } }
`,
  )
  running = new Sekisho(['start'], { cwd })
  const [, url] = await running.printed(/^serving \S+ on (http:\/\/\S+:\d+),/m)
  const clients: WebSocket[] = []
  const connectSixteen = async (): Promise<void> => {
    const opened = Array.from({ length: 16 }, () => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/chat?n=${clients.length}`)
      sockets.push(socket)
      clients.push(socket)
      return once(socket, 'open')
    })
    await Promise.all(opened)
  }
  // An id begins with the name of the worker that holds the connection. The kernel may well give one worker the first sixteen.
  const workers = (): number => new Set([...ids.values()].map((id) => id.slice(0, 5))).size
  do await connectSixteen()
  while (workers() < 2 && clients.length < MAX_CLIENTS)
  expect(workers()).toBeGreaterThan(1)
  const heard = clients.map((socket) => once(socket, 'message'))
  const statuses = await Promise.all(
    clients.map(async (_, n) => {
      const id = encodeURIComponent(ids.get(String(n)) ?? '')
      const answer = await fetch(`${url}/prod/@connections/${id}`, {
        method: 'POST',
        body: `for ${n}`,
        headers: { connection: 'close' },
      })
      return answer.status
    }),
  )
  expect(statuses).toEqual(clients.map(() => 200))
  const messages = (await Promise.all(heard)).map(([data]) => String(data))
  expect(messages).toEqual(clients.map((_, n) => `for ${n}`))

  const closed = clients.map((socket) => once(socket, 'close'))
  await running.stop()
  expect((await Promise.all(closed)).map(([code]) => code as number)).toEqual(clients.map(() => 1001))
})
