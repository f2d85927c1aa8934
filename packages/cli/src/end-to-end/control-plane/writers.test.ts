import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer, etcdProgram } from '../../../../gateway/src/store/etcd/testing/etcd-server.ts'
import { eventually } from '../../testing/eventually.ts'
import { GatewayNode } from './testing/node.ts'
import { numbered, PairLoad, seenBy, startUpstream } from './testing/pairs.ts'

const TIMEOUT_MS = 60_000
/** On each node. */
const CLIENTS = 4
const WRITES = 12
/** Others win some rounds, never all: each round that is lost is one that another client has won. */
const MAX_TRIES = 2 * CLIENTS * WRITES

let folder: string
let etcd: EtcdServer
let upstream: Server
let nodes: GatewayNode[]

interface Resource {
  readonly value: { readonly labels?: Readonly<Record<string, string>>; readonly desc?: string }
  readonly modifiedIndex: number
}

/** Several clients at each node at once. */
const atOnce = <T>(work: (node: GatewayNode, client: number) => Promise<T>): Promise<T[]> =>
  Promise.all(nodes.flatMap((node, at) => Array.from({ length: CLIENTS }, (_, of) => work(node, at * CLIENTS + of))))

/** A resource as a node has it, as soon as it has it. */
async function read(node: GatewayNode, path: string): Promise<Resource> {
  const { body } = await eventually(
    () => node.ask('GET', path),
    ({ status }) => status === 200,
  )
  return body as Resource
}

/** As a client of the documentation would: a 503 with Retry-After is no answer, and asked again. Not slower, here. */
async function write(node: GatewayNode, method: string, path: string, body?: object): Promise<void> {
  const answer = await eventually(
    () => node.ask(method, path, body),
    ({ status, headers }) => status !== 503 || headers['retry-after'] === undefined,
  )
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: expect.toSatisfy((status) => status < 300) })
}

/** All nodes hold the same, and it is what the store holds. */
async function agreed(): Promise<string[]> {
  const all = (): Promise<string[]> =>
    Promise.all(nodes.map(async (node) => JSON.stringify((await node.ask('GET', 'configs')).body)))
  return eventually(all, ([one, other]) => one === other)
}

describe.skipIf(etcdProgram === undefined)(
  'two nodes that are written at once (skipped without the program etcd)',
  () => {
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sekisho-writers-'))
      upstream = await startUpstream()
      etcd = await EtcdServer.start()
      const store = `{ type: etcd, endpoints: ["${etcd.url}"] }`
      nodes = await Promise.all(['one', 'two'].map((name) => GatewayNode.start(join(folder, name), store)))
      await nodes[0]!.tell('POST', 'transaction', numbered(0, upstream))
      for (const node of nodes) await read(node, 'routes/two')
    })
    afterAll(async () => {
      await Promise.all((nodes ?? []).map((node) => node.stop()))
      await etcd?.dispose()
      await new Promise((resolve) => upstream.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    })

    const counter = (count: number): object => ({ uri: '/counter', upstream_id: 'up', desc: String(count) })

    it('a counter that all of them raise with If-Match counts each of them', { timeout: TIMEOUT_MS }, async () => {
      await nodes[0]!.tell('PUT', 'routes/counter', counter(0))
      let refused = 0
      await atOnce(async (node) => {
        for (let count = 0; count < WRITES; count++) {
          for (let left = MAX_TRIES; ; left--) {
            const { value, modifiedIndex } = await read(node, 'routes/counter')
            const next = counter(Number(value.desc) + 1)
            const { status } = await node.ask('PUT', 'routes/counter', next, { 'if-match': `"${modifiedIndex}"` })
            if (status === 200) break
            expect(status).toBe(412)
            expect(left).toBeGreaterThan(0)
            refused++
          }
        }
      })
      await agreed()
      for (const node of nodes) expect((await read(node, 'routes/counter')).value.desc).toBe(`${2 * CLIENTS * WRITES}`)
      expect(refused).toBeGreaterThan(0)
    })

    it('PATCHes of different fields of one resource lose nothing of each other', { timeout: TIMEOUT_MS }, async () => {
      await nodes[1]!.tell('PUT', 'routes/patched', { uri: '/patched', upstream_id: 'up' })
      for (const node of nodes) await read(node, 'routes/patched')
      await atOnce(async (node, client) => {
        for (let count = 1; count <= WRITES; count++)
          await write(node, 'PATCH', 'routes/patched', { labels: { [`client-${client}`]: String(count) } })
      })
      await agreed()
      const labels = Array.from({ length: 2 * CLIENTS }, (_, client) => [`client-${client}`, String(WRITES)])
      expect((await read(nodes[0]!, 'routes/patched')).value.labels).toEqual(Object.fromEntries(labels))
    })

    it('one of them makes a resource that all of them want to make', { timeout: TIMEOUT_MS }, async () => {
      for (let count = 0; count < WRITES; count++) {
        const answers = await atOnce((node, client) =>
          node.ask('PUT', `routes/race-${count}`, counter(client), { 'if-none-match': '*' }),
        )
        const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
        expect(statuses).toEqual([201, ...Array.from({ length: 2 * CLIENTS - 1 }, () => 412)])
        const winner = answers.findIndex(({ status }) => status === 201)
        for (const node of nodes) expect((await read(node, `routes/race-${count}`)).value.desc).toBe(String(winner))
      }
    })

    it('different resources are all there, and what each client wrote last', { timeout: TIMEOUT_MS }, async () => {
      await atOnce(async (node, client) => {
        for (let count = 0; count < WRITES; count++) {
          await write(node, 'PUT', `routes/own-${client}`, {
            uri: `/own-${client}`,
            upstream_id: 'up',
            desc: `${count}`,
          })
          await write(node, 'PUT', `routes/own-${client}-${count}`, {
            uri: `/own-${client}/${count}`,
            upstream_id: 'up',
          })
          if (count % 3 === 2) await write(node, 'DELETE', `routes/own-${client}-${count}`)
        }
      })
      const [configs] = await agreed()
      const { routes } = JSON.parse(configs!) as { routes: { id: string; desc?: string }[] }
      for (let client = 0; client < 2 * CLIENTS; client++) {
        const own = routes.filter(({ id }) => id.startsWith(`own-${client}-`)).map(({ id }) => id)
        const kept = Array.from({ length: WRITES }, (_, count) => count).filter((count) => count % 3 !== 2)
        expect(own.toSorted()).toEqual(kept.map((count) => `own-${client}-${count}`).toSorted())
        expect(routes.find(({ id }) => id === `own-${client}`)?.desc).toBe(String(WRITES - 1))
      }
    })

    it('transactions of several resources at both: nobody serves half of one', { timeout: TIMEOUT_MS }, async () => {
      const loads = nodes.map((node) => new PairLoad(node))
      // Numbers of two writers have no order.
      for (const load of loads) load.restored = Infinity
      await atOnce(async (node, client) => {
        for (let count = 1; count <= WRITES; count++)
          await write(node, 'POST', 'transaction', numbered(client * 1_000 + count, upstream))
      })
      const [configs] = await agreed()
      const { plugin_configs } = JSON.parse(configs!) as { plugin_configs: unknown }
      const last = Number(/"X-Below":"(\d+)"/.exec(JSON.stringify(plugin_configs))?.[1])
      const agents = Array.from({ length: 16 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
      for (const node of nodes)
        await eventually(
          () => Promise.all(agents.map((agent) => seenBy(node, '/one', agent))),
          (seen) => seen.every(({ above, below }) => above === last && below === last),
        )
      for (const agent of agents) agent.destroy()
      await Promise.all(loads.map((load) => load.stop()))
      for (const load of loads) expect(load).toMatchObject({ failures: [], mixtures: [] })
    })
  },
)
