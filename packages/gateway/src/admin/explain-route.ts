import { isIP } from 'node:net'
import type { AdminOptions, AdminRouter } from './admin-options.ts'
import { AdminError, badRequest } from './request/admin-error.ts'
import { flag } from './request/query.ts'
import { reply } from './request/reply.ts'

const METHOD = /^[A-Za-z]{1,32}$/

/** `/explain?method=GET&url=/hello&header=Name:+value`: what would become of a request, as `sekisho explain` says. */
export function explainRoute(api: AdminRouter, { configuration }: AdminOptions): void {
  api.get('/explain', async (c) => {
    if (configuration === undefined) throw new AdminError(404, 'not found: this node cannot explain requests')
    const url = c.req.query('url')
    const method = c.req.query('method') ?? 'GET'
    const remoteAddr = c.req.query('remote_addr')
    const consumer = c.req.query('consumer')
    if (url === undefined) throw badRequest('missing argument url: add "?url=/path" or "?url=http://host/path"')
    if (!METHOD.test(method)) throw badRequest('invalid argument method: write "GET", "POST" …')
    if (remoteAddr !== undefined && isIP(remoteAddr) === 0)
      throw badRequest('invalid argument remote_addr: write an IP address')
    const headers = (c.req.queries('header') ?? []).map(parseHeader)
    const read = await configuration()
    const { explainRequest } = await import('../explain/explain-request.ts')
    const described = {
      method: method.toUpperCase(),
      url,
      headers,
      ...(remoteAddr === undefined ? {} : { remoteAddr }),
    }
    const more = { ...(consumer === undefined ? {} : { consumer }), allRoutes: flag(c, 'all') }
    if (consumer !== undefined && !read.config.resources.consumers.has(consumer))
      throw badRequest(`invalid argument consumer: there is no consumer "${consumer.slice(0, 60)}"`)
    return reply(c, 200, await explainRequest(described, read, more))
  })
}

function parseHeader(written: string): [string, string] {
  const colon = written.indexOf(':')
  if (colon > 0) return [written.slice(0, colon), written.slice(colon + 1).trim()]
  throw badRequest(`invalid argument header: "${written.slice(0, 60)}" has no colon; write "Name: value"`)
}
