import { Agent, createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { GatewayNode } from './node.ts'

/** Enough that both workers of a node have some. */
const CONNECTIONS = 6
/** Between two requests on a connection: some 1,000 a second for a node. */
const BETWEEN_MS = 5

/** What stands behind the gateways: answers with the number that the plugin_config put into the request. */
export async function startUpstream(): Promise<Server> {
  const server = createServer((asked, response) => response.end(asked.headers['x-below'] ?? 'none'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

/**
 * A transaction in which all documents have the same number: two routes and the plugin_config that both use. The routes put it into the
 * answer, the plugin_config into the request to the upstream, which sends it back.
 */
export function numbered(number: number, upstream: Server): object {
  const route = (id: string): object => ({
    id,
    uri: `/${id}`,
    upstream_id: 'up',
    plugin_config_id: 'both',
    plugins: { 'response-rewrite': { headers: { set: { 'X-Above': String(number) } } } },
  })
  return {
    upstreams: [{ id: 'up', nodes: { [`127.0.0.1:${(upstream.address() as AddressInfo).port}`]: 1 } }],
    plugin_configs: [{ id: 'both', plugins: { 'proxy-rewrite': { headers: { set: { 'X-Below': String(number) } } } } }],
    routes: [route('one'), route('two')],
  }
}

/** What a node serves on a connection: rejects unless it is a success. */
export function seenBy(
  node: GatewayNode,
  path: string,
  agent: Agent | false = false,
): Promise<{ above: number; below: number }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${node.url}${path}`, { agent }, (response) => {
      let text = ''
      response.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve({ above: Number(response.headers['x-above']), below: Number(text) })
        else reject(new Error(`${response.statusCode} ${text}`))
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

/**
 * Requests without end on connections of their own to a node. Each is answered by one worker, so what it shows may not go back: from one route
 * to the other, neither. But for a store that was restored from a backup, which is one step back for all.
 */
export class PairLoad {
  requests = 0
  readonly failures: string[] = []
  readonly mixtures: string[] = []
  /** Steps back that are allowed. */
  restored = 0
  /** The newest number that was seen. */
  newest = 0
  readonly #node: GatewayNode
  readonly #paths: readonly string[]
  readonly #done: Promise<unknown>
  #stopped = false

  constructor(node: GatewayNode, paths: readonly string[] = ['/one', '/two']) {
    this.#node = node
    this.#paths = paths
    this.#done = Promise.all(Array.from({ length: CONNECTIONS }, () => this.#run()))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    let last = 0
    let back = 0
    for (let turn = 0; !this.#stopped; turn++) {
      const path = this.#paths[turn % this.#paths.length]!
      this.requests++
      try {
        const { above, below } = await seenBy(this.#node, path, agent)
        if (above !== below) this.mixtures.push(`${path}: route of ${above}, plugin_config of ${below}`)
        if (above < last && ++back > this.restored) this.mixtures.push(`${path}: ${above} after ${last}`)
        last = above
        if (above > this.newest) this.newest = above
      } catch (error) {
        this.failures.push(`${path}: ${(error as Error).message}`)
      }
      await pause(BETWEEN_MS)
    }
    agent.destroy()
  }
}

/** Writes one number after the other through a node, as often as it answers. */
export class PairWriter {
  /** The last number that was tried. */
  tried: number
  acknowledged: number
  refused = 0
  readonly #done: Promise<void>
  #stopped = false

  constructor(node: GatewayNode, upstream: Server, first: number) {
    this.tried = first - 1
    this.acknowledged = first - 1
    this.#done = this.#run(node, upstream)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(node: GatewayNode, upstream: Server): Promise<void> {
    while (!this.#stopped) {
      const number = ++this.tried
      const { status } = await node.ask('POST', 'transaction', numbered(number, upstream)).catch(() => ({ status: 0 }))
      if (status === 200) this.acknowledged = number
      else this.refused++
      await pause(20)
    }
  }
}
