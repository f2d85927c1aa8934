import { WebSocket } from 'ws'
import { ByteClient } from '../../../../../gateway/src/grpc/testing/byte-service.ts'

const PING_MS = 100

/** How a long stream ended. */
export interface StreamEnd {
  readonly kind: 'grpc' | 'websocket'
  /** It ended itself, having got back all that it said. */
  readonly byItself: boolean
  readonly livedMs: number
  /** gRPC status, or WebSocket close code. */
  readonly code: number
  readonly echoed: number
  readonly said: number
}

/** Opens a gRPC stream that says something every 100 ms and hears it back, and closes it after `lifeMs`. */
export function grpcStream(port: number, lifeMs: number): Promise<StreamEnd> {
  const client = new ByteClient(port)
  const startedAt = performance.now()
  const call = client.talk()
  let said = 0
  let echoed = 0
  let ending = false
  const ping = setInterval(() => call.write(Buffer.from(`message ${said++}`)), PING_MS)
  const life = setTimeout(() => {
    ending = true
    clearInterval(ping)
    call.end()
  }, lifeMs)
  return new Promise((resolve) => {
    call.on('data', (message: Buffer) => {
      if (message.toString() === `message ${echoed}`) echoed++
    })
    call.on('error', () => undefined)
    call.on('status', ({ code }) => {
      clearInterval(ping)
      clearTimeout(life)
      client.close()
      const byItself = ending && code === 0 && said === echoed
      resolve({ kind: 'grpc', byItself, livedMs: performance.now() - startedAt, code, echoed, said })
    })
  })
}

/** The same as a WebSocket. */
export function webSocketStream(port: number, lifeMs: number): Promise<StreamEnd> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  const startedAt = performance.now()
  let said = 0
  let echoed = 0
  let ending = false
  let ping: NodeJS.Timeout | undefined
  socket.on('open', () => {
    ping = setInterval(() => socket.send(`message ${said++}`), PING_MS)
  })
  const life = setTimeout(() => {
    clearInterval(ping)
    ending = true
    socket.close(1000)
  }, lifeMs)
  return new Promise((resolve) => {
    socket.on('message', (data: Buffer) => {
      if (data.toString() === `message ${echoed}`) echoed++
    })
    socket.on('error', () => undefined)
    socket.on('close', (code) => {
      clearInterval(ping)
      clearTimeout(life)
      const byItself = ending && code === 1000 && said === echoed
      resolve({ kind: 'websocket', byItself, livedMs: performance.now() - startedAt, code, echoed, said })
    })
  })
}
