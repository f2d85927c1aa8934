import type { Item } from '../../control/control-plane.ts'
import type { AdminContext, AdminOptions } from '../admin-options.ts'
import { AdminError, badRequest } from '../request/admin-error.ts'
import { wholeNumber } from '../request/query.ts'
import { reply } from '../request/reply.ts'
import { shownValue, stored } from './envelope.ts'
import { filterItems } from './list-filter.ts'
import type { ResourceTarget } from './resource-target.ts'

const PAGE_SIZE = { min: 10, max: 500 } as const

/** GET of one resource, or of a list. */
export function readResources(c: AdminContext, options: AdminOptions, { kind, id }: ResourceTarget): Response {
  const shown = shownValue(options.plugins)
  if (id !== undefined) {
    const item = options.control.get(kind, id)
    if (item === undefined) return missing(c)
    return reply(c, 200, stored(item, shown), { etag: `"${item.revision}"` })
  }
  const items = filterItems(c, kind, options.control.list(kind))
  return reply(c, 200, { total: items.length, list: page(c, items).map((item) => stored(item, shown)) })
}

/** APISIX's words, for clients that look at them. */
export const missing = (c: AdminContext): Response =>
  reply(c, 404, { message: 'Key not found', error_msg: 'there is no resource with this id' })

function page(c: AdminContext, items: readonly Item[]): readonly Item[] {
  const number = wholeNumber(c, 'page', { min: 1 })
  const size = wholeNumber(c, 'page_size', PAGE_SIZE)
  if (number === undefined && size === undefined) return items
  if (number === undefined || size === undefined) throw badRequest('paging takes "page" and "page_size"; add the other')
  const sorted = items.toSorted((a, b) => a.createRevision - b.createRevision || (a.id < b.id ? -1 : 1))
  const start = (number - 1) * size
  if (!Number.isSafeInteger(start)) throw new AdminError(400, 'invalid argument page: should be a smaller number')
  return sorted.slice(start, start + size)
}
