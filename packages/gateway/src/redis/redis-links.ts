import type { WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'
import { RedisLink } from './redis-link.ts'
import type { RedisServer } from './redis-server.ts'

/** A link that nobody uses is kept this long: a change of the configuration releases it and takes it again. */
const LINGER_MS = 5_000

interface SharedLink {
  readonly link: RedisLink
  users: number
  linger: NodeJS.Timeout | undefined
}

/** What a user has of a link. */
export interface RedisLease {
  readonly link: RedisLink
  /** To be called once, when it is no longer used. */
  readonly release: () => void
}

/** By worker (in tests several are in one thread), then by the settings of the server. */
const links = new WeakMap<WorkerMetrics, Map<string, SharedLink>>()

/** The link of this worker to a server, one for all who use the same settings. */
export function redisLink(server: RedisServer, metrics: WorkerMetrics, logger: PluginLogger): RedisLease {
  let ofWorker = links.get(metrics)
  if (ofWorker === undefined) links.set(metrics, (ofWorker = new Map()))
  const shared = ofWorker
  const key = JSON.stringify(server)
  let used = shared.get(key)
  if (used === undefined)
    shared.set(key, (used = { link: new RedisLink(server, metrics, logger), users: 0, linger: undefined }))
  const entry = used
  entry.users++
  clearTimeout(entry.linger)
  let isReleased = false
  return {
    link: entry.link,
    release() {
      if (isReleased) return
      isReleased = true
      if (--entry.users > 0) return
      entry.linger = setTimeout(() => {
        shared.delete(key)
        entry.link.close()
      }, LINGER_MS).unref()
    },
  }
}
