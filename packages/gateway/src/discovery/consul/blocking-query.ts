import { BackOff } from '../back-off.ts'
import type { RegistryAnswer, RegistryClient } from '../http/registry-client.ts'
import type { ServerList } from '../http/server-list.ts'
import type { FoundNode, ServiceListener } from '../source.ts'
import { wait } from '../wait.ts'

export interface BlockingQueryOptions {
  readonly client: RegistryClient
  readonly servers: ServerList
  /** Path and query, without index and wait. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly waitSeconds: number
  /** For an answer, beyond the wait. */
  readonly timeoutMs: number
  /** Between queries where an answer has no index. */
  readonly intervalMs: number
  /** @throws Error with words */
  readonly nodes: (url: URL, answer: RegistryAnswer) => readonly FoundNode[]
  readonly listener: ServiceListener
}

/** Between two queries of one service, however often its index moves. */
export const MIN_BETWEEN_QUERIES_MS = 250

/**
 * Follows one answer of Consul's HTTP API by blocking queries: the query carries the index of the last answer, and is held back until there
 * is a newer one, or for `wait`, to which Consul adds up to a sixteenth. An index that goes back (a restored or restarted cluster) or is not
 * above 0 starts from nothing, as Consul's documentation asks of clients. Returns what ends it.
 */
export function blockingQuery(options: BlockingQueryOptions): () => void {
  const stop = new AbortController()
  void follow(options, stop.signal)
  return () => stop.abort()
}

async function follow(options: BlockingQueryOptions, signal: AbortSignal): Promise<void> {
  const { client, servers, path, headers, waitSeconds, timeoutMs, intervalMs, nodes, listener } = options
  const backOff = new BackOff()
  let index = 0
  while (!signal.aborted) {
    const server = servers.current
    const begun = performance.now()
    let pauseMs = MIN_BETWEEN_QUERIES_MS
    try {
      const query = index === 0 ? '' : `${path.includes('?') ? '&' : '?'}index=${index}&wait=${waitSeconds}s`
      const url = new URL(`${server}${path}${query}`)
      const limit = timeoutMs + (index === 0 ? 0 : waitSeconds * 1_000 * (1 + 1 / 16))
      const answer = await client.ask(url, { headers, timeoutMs: limit, signal })
      if (signal.aborted) return
      const found = nodes(url, answer)
      const next = indexOf(answer)
      backOff.reset()
      listener.found(found)
      if (next < index) pauseMs = 0
      else if (next === 0) pauseMs = intervalMs
      index = next < index ? 0 : next
    } catch (error) {
      if (signal.aborted) return
      listener.failed(error as Error)
      servers.failed(server)
      // The next answer comes at once, whatever changed meanwhile.
      index = 0
      pauseMs = backOff.next() + performance.now() - begun
    }
    await wait(pauseMs - (performance.now() - begun), signal)
  }
}

/** 0 when there is none, or none that can be waited for. */
function indexOf({ headers }: RegistryAnswer): number {
  const text = headers['x-consul-index']
  return typeof text === 'string' && /^[0-9]{1,15}$/.test(text) ? Number(text) : 0
}
