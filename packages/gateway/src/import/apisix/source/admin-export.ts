import { pointerPart } from '../../../config/problem.ts'
import { isFields, kindNamed, type SourceItem } from './source-item.ts'

/** Answers within lists within answers: nobody goes deeper. */
const MAX_DEPTH = 6

/**
 * Resources in answers of the Admin API, however they were put together: `{ "total", "list": [ … ] }` of one list, these by name or one after the
 * other, or `{ "key", "value" }` alone; of version 3 and 2 (`node`, `nodes`). What a resource is, its key says: `/apisix/routes/1`.
 */
export function exportedItems(value: unknown, path = '', depth = 0): SourceItem[] {
  if (depth > MAX_DEPTH || typeof value !== 'object' || value === null) return []
  if (isFields(value)) {
    const item = itemOf(value['key'], value['value'], path)
    if (item !== undefined) return [item]
  }
  return Object.entries(value).flatMap(([name, part]) => exportedItems(part, `${path}/${pointerPart(name)}`, depth + 1))
}

/** `/apisix/consumers/jack/credentials/1`, with any prefix; undefined where this is no resource. */
function itemOf(key: unknown, value: unknown, path: string): SourceItem | undefined {
  if (typeof key !== 'string' || !isFields(value)) return undefined
  const parts = key.split('/').filter((part) => part !== '')
  const at = parts.findIndex((part) => kindNamed(part) === part || part === 'ssl')
  if (at < 0 || at === parts.length - 1) return undefined
  const kind = kindNamed(parts[at]!)!
  const id = parts.slice(at + 1).join('/')
  // A credential is named by its key; others may be, or have it within.
  const named = kind === 'consumers' && !id.includes('/credentials/') ? value : { id, ...value, ...twoPartId(kind, id) }
  return { kind, path: `${path}/value`, value: named }
}

const twoPartId = (kind: string, id: string): { id?: string } =>
  (kind === 'consumers' && id.includes('/')) || kind === 'secrets' ? { id } : {}
