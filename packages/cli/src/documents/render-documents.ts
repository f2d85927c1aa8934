import { defined } from '@sekisho/gateway/internal/import/output/noted'
import { renderYaml } from '@sekisho/gateway/internal/import/output/render-yaml'
import { idField } from '@sekisho/gateway/internal/resources/identity'
import { RESOURCE_KINDS, type ResourceKind } from '@sekisho/gateway/internal/resources/kind-names'
import type { Document } from '../admin-client/answers.ts'
import type { Lists } from '../admin-client/admin-client.ts'

/** Resources as the text of a configuration file: what is referred to first, names in front, without the times that the store keeps. */
export function renderDocuments(heading: readonly string[], lists: Lists): string {
  const sections = RESOURCE_KINDS.map((kind) => [
    kind,
    // In an order of their own, so that two exports differ by what was changed.
    [...(lists[kind] ?? [])].sort(byId(kind)).map((document) => ({ notes: [], fields: ordered(kind, document) })),
  ])
  const yaml = renderYaml(heading, {}, Object.fromEntries(sections))
  // A file without any list would be none to apply again.
  return RESOURCE_KINDS.some((kind) => (lists[kind] ?? []).length > 0) ? yaml : `${yaml}\nroutes: []\n`
}

const byId =
  (kind: ResourceKind) =>
  (a: Document, b: Document): number => {
    const [one, other] = [String(a[idField(kind)]), String(b[idField(kind)])]
    return one < other ? -1 : one > other ? 1 : 0
  }

/** In which order people look at fields; the others follow as they are. */
const FIRST = ['id', 'username', 'name', 'desc', 'labels', 'uri', 'uris', 'host', 'hosts', 'methods', 'priority']
const LAST = ['plugins']

function ordered(kind: ResourceKind, document: Document): Record<string, unknown> {
  const { create_time: _created, update_time: _updated, ...fields } = document
  const first = Object.fromEntries(FIRST.map((name) => [name, fields[name]]))
  const last = Object.fromEntries(LAST.map((name) => [name, fields[name]]))
  const middle = Object.entries(fields).filter(([name]) => !FIRST.includes(name) && !LAST.includes(name))
  if (idField(kind) === 'username') first['id'] = undefined
  return defined({ ...first, ...Object.fromEntries(middle), ...last })
}
