import { once } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { seededRandom } from '../balancing/testing/seeded-random.ts'
import { deadAddress } from '../exchange/testing/dead-address.ts'
import { client, startServer, startStreams } from './testing/stream-harness.ts'

const SEED = Number(process.env['SEED'] ?? 20_261_121)
const CONNECTIONS = 400

test(`whatever the two sides do, nothing is left of a connection (seed ${SEED})`, async () => {
  const random = seededRandom(SEED)
  const misbehave = (socket: Socket): void => {
    const step = (): void => {
      const dice = random()
      if (socket.destroyed) return
      if (dice < 0.5) socket.write(Buffer.alloc(Math.floor(random() * 100_000)))
      else if (dice < 0.6) socket.pause()
      else if (dice < 0.8) socket.resume()
      else if (dice < 0.9) socket.end()
      else if (dice < 0.95) socket.resetAndDestroy()
      else socket.destroy()
      if (dice < 0.9) setImmediate(step)
      else socket.resume()
    }
    step()
  }
  const nodes = [await deadAddress(), `127.0.0.1:${await startServer(misbehave)}`]
  const { port, proxy, listener, ended } = await startStreams({ nodes })
  for (let at = 0; at < CONNECTIONS; at += 20) {
    const batch = Array.from({ length: 20 }, () => client(port))
    const closed = batch.map((socket) => once(socket, 'close').catch(() => undefined))
    batch.forEach(misbehave)
    await Promise.all(closed)
  }
  listener.stopAccepting()
  await listener.drain(10_000)
  expect([proxy.sessionCount, listener.connections, proxy.runtime.deadlines.size]).toEqual([0, 0, 0])
  expect(new Set(ended).size).toBe(ended.length)
})
