import { afterEach, expect, test } from 'vitest'
import { LoadBalancer } from '../balancing/index.ts'
import { peer } from '../peers/peer.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const CLIENTS = 16
const REQUESTS = 3_000
/** A node dies each time so many requests were answered, and is back after as many more. */
const PERIOD = 200

/** On an address of its own: while a node is dead, no other test's server can get its port. */
const startNode = (port = 0): Promise<RawUpstream> =>
  RawUpstream.answering(
    async ({ line }) => {
      // Requests are under way at any time, also at that of the murder.
      await new Promise((resolve) => setImmediate(resolve))
      return reply(line)
    },
    { port, host: '127.0.0.3' },
  )

test.each([
  ['round robin', (addresses: string[]) => LoadBalancer.roundRobin(addresses)],
  ['random', (addresses: string[]) => LoadBalancer.random(addresses)],
])('killing a node under load, again and again, costs no request while another one lives (%s)', async (_, balance) => {
  const alive = [await startNode(), await startNode()]
  const balancer = balance(alive.map(({ address }) => address))
  const proxy = await startProxy({ upstreamPeer: (session) => peer(balancer.select('', session.tried)) })
  const bad: string[] = []
  let asked = 0
  let answered = 0
  let murders = 0
  let change: Promise<void> = Promise.resolve()
  const murder = async (): Promise<void> => {
    const victim = alive[murders++ % 2]
    const { port } = victim
    await victim.kill()
    const until = Math.min(answered + PERIOD, REQUESTS)
    while (answered < until) await new Promise((resolve) => setImmediate(resolve))
    alive[alive.indexOf(victim)] = await startNode(port)
  }
  const run = async (): Promise<void> => {
    const client = await proxy.connect()
    while (asked < REQUESTS) {
      const path = `/${++asked}`
      const answer = await client.get(path)
      if (statusOf(answer) !== 200 || answer.body !== `GET ${path} HTTP/1.1`)
        bad.push(`${path}: ${answer.line} ${answer.body}`)
      if (++answered % (2 * PERIOD) === 0) change = change.then(murder)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, run))
  await change
  expect(bad).toEqual([])
  expect(answered).toBe(REQUESTS)
  expect(murders).toBeGreaterThanOrEqual(6)
  // The deaths were met: connections were lost, and new ones refused.
  const codes = new Set(proxy.log.map(({ fields }) => fields['code']))
  expect(codes).toContain('CONNECT_REFUSED')
  expect(proxy.log.length).toBeGreaterThan(murders)
})
