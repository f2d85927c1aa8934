import type { Hono } from 'hono'
import { purgeUrl, type Purge } from '../../cache/zone-purges.ts'
import type { AdminEnv, AdminOptions } from '../admin-options.ts'
import { AdminError } from '../request/admin-error.ts'
import { reply } from '../request/reply.ts'

/** `POST /v1/cache/purge` with `{ "url": … }`, `{ "tag": … }` or `{ "all": true }`, and optionally `"zone"`. */
export function cacheRoutes(api: Hono<AdminEnv>, { caches }: AdminOptions): void {
  api.post('/cache/purge', async (c) => {
    if (c.get('key').role !== 'admin') throw new AdminError(403, 'a purge needs a key of the role admin')
    const wanted = (await c.req.json().catch(() => undefined)) as Record<string, unknown> | undefined
    const purge = wanted === undefined || wanted === null ? undefined : purgeOf(wanted)
    if (purge === undefined || wanted === undefined)
      throw new AdminError(
        400,
        'write one of {"url": "https://host/path"}, {"tag": "TAG"} or {"all": true}, and "zone" where only one is meant',
      )
    const { zone } = wanted
    if (caches === undefined || !isZone(zone, caches.names))
      throw new AdminError(404, `there is no such cache zone: there are ${caches?.names.join(', ') ?? 'none'}`)
    await caches.purge(purge, zone)
    return reply(c, 200, { purged: purge })
  })
}

/** A name that is there, or none: every zone. */
const isZone = (zone: unknown, names: readonly string[]): zone is string | undefined =>
  zone === undefined || (typeof zone === 'string' && names.includes(zone))

function purgeOf(wanted: Record<string, unknown>): Purge | undefined {
  const { url, tag, all } = wanted
  const given = [url, tag, all].filter((one) => one !== undefined)
  if (given.length !== 1) return undefined
  if (typeof url === 'string') {
    const text = purgeUrl(url)
    return text === undefined ? undefined : { url: text }
  }
  if (typeof tag === 'string' && tag !== '') return { tag }
  return all === true ? { all } : undefined
}
