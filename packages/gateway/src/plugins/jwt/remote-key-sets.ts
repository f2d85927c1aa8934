import { ServiceClient } from '../../side-calls/index.ts'
import type { PluginContext } from '../context.ts'
import { RemoteKeys } from './remote-keys.ts'

/** Some hundred keys with their certificates. */
const MAX_ANSWER_BYTES = 524_288
/** Beyond it the set that was asked for first is forgotten, and read again when it is needed. */
const MAX_REMOTE_SETS = 1_000

/** What a consumer says of the keys at a URL. */
export interface RemoteKeyConfig {
  readonly jwks_uri?: string
  /** Seconds. */
  readonly jwks_cache_ttl: number
  /** Milliseconds. */
  readonly jwks_timeout: number
}

/** The keys at the URLs that consumers name. */
export class RemoteKeySets {
  private readonly context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>
  private readonly sets = new Map<string, RemoteKeys>()

  constructor(context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>) {
    this.context = context
  }

  of({ jwks_uri: uri, jwks_cache_ttl: ttl, jwks_timeout: timeoutMs }: RemoteKeyConfig): RemoteKeys | undefined {
    if (uri === undefined) return undefined
    const key = `${uri} ${ttl} ${timeoutMs}`
    let set = this.sets.get(key)
    if (set === undefined) {
      const client = new ServiceClient(
        {
          plugin: 'jwt-auth',
          timeoutMs,
          maxAnswerBytes: MAX_ANSWER_BYTES,
          consequence: 'without keys no token is let in',
        },
        this.context,
      )
      set = new RemoteKeys(uri, client, ttl * 1_000)
      for (const [first] of this.sets) {
        if (this.sets.size < MAX_REMOTE_SETS) break
        this.sets.delete(first)
      }
      this.sets.set(key, set)
    }
    return set
  }

  /** 0 for a consumer that has its key itself. */
  generation(config: RemoteKeyConfig, now: number): number | undefined {
    return config.jwks_uri === undefined ? 0 : this.of(config)?.generation(now)
  }
}
