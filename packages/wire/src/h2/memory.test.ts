import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { data, type Fields } from '../testing/h2-frames.ts'
import { openH2ClientSide } from '../testing/h2-client-side.ts'
import { openH2ServerSide, post, REQUEST, type H2ServerSide } from '../testing/h2-server-side.ts'
import { echo } from '../testing/server-side.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const MEGABYTE = 1_048_576

/** Once all that was closed has been told so, and let go of. */
async function used(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/**
 * What `work` leaves when it is done again and again, after it was done once: the least of three rounds, since a leak is in each of them, and
 * code that was just compiled only in one.
 */
async function growth(times: number, work: () => Promise<void>): Promise<number> {
  await work()
  await work()
  let least = Infinity
  for (let round = 0; round < 3; round++) {
    const before = await used()
    for (let count = 0; count < times; count++) await work()
    least = Math.min(least, (await used()) - before)
  }
  return least
}

const OK: Fields = [[':status', '200']]

async function askServer(side: H2ServerSide, from: number, count: number): Promise<void> {
  for (let id = from; id < from + 2 * count; id += 2) {
    side.ask(id, id % 4 === 1 ? REQUEST : post(), id % 4 === 1)
    if (id % 4 !== 1) side.send(data(id, 'x'.repeat(100), true))
  }
  await side.flush()
  // What the test itself has noted.
  side.handler.requests.length = 0
  side.parser.seen.length = 0
}

it('ten thousand streams of a connection leave nothing', async () => {
  const server = await openH2ServerSide(echo)
  let next = 1
  const left = await growth(10, async () => {
    await askServer(server, next, 1_000)
    next += 2_000
  })
  expect(server.connection.streams.size).toBe(0)
  expect(left).toBeLessThan(MEGABYTE)

  const client = await openH2ClientSide()
  const leftByClient = await growth(100, async () => {
    for (let count = 0; count < 100; count++) client.ask()
    for (const id of [...client.connection.streams.keys()]) client.answer(id, OK, true)
    await client.flush()
    client.parser.seen.length = 0
    client.told.length = 0
  })
  expect(client.connection.idle).toBe(true)
  expect(leftByClient).toBeLessThan(MEGABYTE)
})

it('a thousand connections leave nothing', async () => {
  const left = await growth(10, async () => {
    for (let count = 0; count < 100; count++) {
      const server = await openH2ServerSide(echo)
      await askServer(server, 1, 4)
      // Some with half a body that nobody reads, and an answer that nobody takes.
      server.ask(9, post(), false)
      server.send(data(9, 'x'.repeat(1_000)))
      server.socket.destroy()
      await server.flush()
      expect(server.clock.deadlines.size).toBe(0)
    }
  })
  expect(left).toBeLessThan(MEGABYTE)
})
