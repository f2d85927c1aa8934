import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { pointerPart } from '../../config/problem.ts'
import type { DocumentChange, Item, WriteResult } from '../../control/control-plane.ts'
import { idField } from '../../resources/identity.ts'
import { KIND_SINGULAR } from '../../resources/kind-names.ts'
import type { AdminContext, AdminOptions } from '../admin-options.ts'
import { commit, type Committed } from '../changes/commit.ts'
import { shownDifferences } from '../changes/shown-differences.ts'
import { AdminError, badRequest } from '../request/admin-error.ts'
import { flag, wholeNumber } from '../request/query.ts'
import { type Fields, readObject, readValue } from '../request/read-body.ts'
import { reply } from '../request/reply.ts'
import { bodyId, storeKey, written } from './envelope.ts'
import { merged, replacedAt } from './merge.ts'
import { missing } from './read-resources.ts'
import type { ResourceTarget } from './resource-target.ts'

/** A PATCH that finds the resource changed since it read it starts anew this often. */
const PATCH_TRIES = 3

/** The same for a PUT that takes something over. */
const PUT_TRIES = 3

/** Ids of POST that are taken already: the revision lags behind when others write. */
const POST_TRIES = 5

const DIGITS = 20

type Target = ResourceTarget & { readonly id: string }

/** PUT `/routes/1`, or `/routes` with the id in the body. 201 when it was not there. */
export async function putResource(c: AdminContext, options: AdminOptions, target: ResourceTarget): Promise<Response> {
  const { kind } = target
  const body = await readNew(c)
  const inBody = bodyId(kind, body)
  const id = target.id ?? inBody
  const field = idField(kind)
  const what = `${KIND_SINGULAR[kind]} ${field}`
  if (id === undefined) throw badRequest(`missing ${what}; write it into the path: ${kind}/ID`)
  if (inBody !== undefined && inBody !== id)
    throw badRequest(`wrong ${what}: the path says "${id}", "${field}" in the body "${inBody}"; make them the same`)
  const value = { ...body, [field]: body[field] ?? id }
  const required = precondition(c)
  for (let attempt = 1; ; attempt++) {
    const before = options.control.get(kind, id)
    const change = { kind, id, value, ...withCredentials(before, value), ...ttl(c), ...required }
    const done = await commit(c, options, [change], { within: pointerOf(kind, id) })
    if (!isConflict(done)) return answer(c, options, before === undefined ? 201 : 200, done, { kind, id })
    if (required.ifRevision !== undefined || attempt === PUT_TRIES) throw conflictError(c)
  }
}

/** A PUT of a consumer that does not speak of credentials leaves them as they are: in APISIX they are resources of their own. */
function withCredentials(before: Item | undefined, value: Fields): { value?: Fields; ifRevision?: number } {
  const credentials = before?.kind === 'consumers' ? before.value['credentials'] : undefined
  if (before === undefined || credentials === undefined || value['credentials'] !== undefined) return {}
  return { value: { ...value, credentials }, ifRevision: before.revision }
}

/** POST `/routes`: the gateway makes the id. */
export async function postResource(c: AdminContext, options: AdminOptions, target: ResourceTarget): Promise<Response> {
  const { kind } = target
  if (target.id !== undefined)
    throw badRequest(`wrong ${KIND_SINGULAR[kind]} id, do not need it: POST to ${kind}, or PUT`)
  const body = await readNew(c)
  if (bodyId(kind, body) !== undefined)
    throw badRequest(`wrong ${KIND_SINGULAR[kind]} id, do not need it: remove "id" from the body, or use PUT`)
  for (let attempt = 1; ; attempt++) {
    const id = String(options.control.revision + attempt).padStart(DIGITS, '0')
    const change = { kind, id, value: { ...body, id }, ...ttl(c), ifRevision: 0 }
    const done = await commit(c, options, [change], { within: pointerOf(kind, id) })
    if (!isConflict(done)) return answer(c, options, 201, done, { kind, id })
    if (attempt === POST_TRIES) throw conflictError(c)
  }
}

/** PATCH `/routes/1`: merges; `/routes/1/upstream/nodes`: replaces that part. */
export async function patchResource(c: AdminContext, options: AdminOptions, target: ResourceTarget): Promise<Response> {
  const { kind, id, subPath } = target
  if (id === undefined) throw badRequest(`missing ${KIND_SINGULAR[kind]} id; write it into the path: ${kind}/ID`)
  const patch = subPath.length > 0 ? await readValue(c) : await readObject(c)
  const required = precondition(c).ifRevision
  for (let attempt = 1; ; attempt++) {
    const item = options.control.get(kind, id)
    if (item === undefined) return missing(c)
    const value = patched(item, target as Target, patch)
    const change: DocumentChange = { kind, id, value, ...ttl(c), ifRevision: required ?? item.revision }
    const done = await commit(c, options, [change], { within: pointerOf(kind, id) })
    if (!isConflict(done)) return answer(c, options, 200, done, { kind, id })
    if (required !== undefined || attempt === PATCH_TRIES) throw conflictError(c)
  }
}

/** DELETE `/routes/1`; refused while others refer to it, unless `?force=true`. */
export async function deleteResource(
  c: AdminContext,
  options: AdminOptions,
  target: ResourceTarget,
): Promise<Response> {
  const { kind, id } = target
  if (id === undefined) throw badRequest(`missing ${KIND_SINGULAR[kind]} id; write it into the path: ${kind}/ID`)
  const force = flag(c, 'force')
  if (options.control.get(kind, id) === undefined) return missing(c)
  const change = { kind, id, value: undefined, ...precondition(c) }
  const done = await commit(c, options, [change], { force })
  if (isConflict(done)) throw conflictError(c)
  const dryRun = done.dryRun ? { dry_run: true, changes: shownDifferences(done.changes, options.plugins) } : {}
  return reply(c, 200, { deleted: '1', key: storeKey(kind, id), ...dryRun })
}

const pointerOf = (kind: string, id: string): string => `/${kind}/${pointerPart(id)}`

const isConflict = (done: Committed | Conflict): done is Conflict => 'conflict' in done
type Conflict = Extract<WriteResult, { conflict: unknown }>

/** A new resource: times are ours to set. */
async function readNew(c: AdminContext): Promise<Fields> {
  const body = await readObject(c)
  for (const name of ['create_time', 'update_time']) {
    if (Object.hasOwn(body, name))
      throw badRequest(`/${name}: the property is forbidden: the gateway sets it; remove "${name}"`)
  }
  return body
}

function patched(item: Item, { kind, id, subPath }: Target, patch: unknown): Fields {
  const { update_time: _updated, ...before } = item.value
  const after = subPath.length > 0 ? replacedAt(before, subPath, patch) : (merged(before, patch) as Fields)
  const field = idField(kind)
  if (after[field] !== undefined && bodyId(kind, after) !== id)
    throw badRequest(`/${field}: a resource keeps its ${field}; remove it, or PUT a new one`)
  return after
}

/** `?ttl=60`: the resource deletes itself after so many seconds. */
function ttl(c: AdminContext): { ttlSeconds?: number } {
  const seconds = wholeNumber(c, 'ttl', { min: 1 })
  return seconds === undefined ? {} : { ttlSeconds: seconds }
}

/** `If-Match: "42"`: only when its `modifiedIndex` is that; `If-None-Match: *`: only when it is not there (RFC 9110 section 13.1). */
function precondition(c: AdminContext): { ifRevision?: number } {
  if (c.req.header('if-none-match')?.trim() === '*') return { ifRevision: 0 }
  const match = c.req.header('if-match')
  if (match === undefined) return {}
  const revision = /^"([0-9]{1,15})"$/.exec(match.trim())?.[1]
  if (revision === undefined) throw badRequest('If-Match: write the modifiedIndex of the resource, in quotes')
  return { ifRevision: Number(revision) }
}

function conflictError(c: AdminContext): AdminError {
  const asked = c.req.header('if-match') !== undefined || c.req.header('if-none-match') !== undefined
  return asked
    ? new AdminError(412, 'the resource is not at the revision that you gave; read it again, and repeat the change')
    : new AdminError(503, 'value changed before overwritten: somebody else writes the same resource; try again')
}

function answer(
  c: AdminContext,
  options: AdminOptions,
  status: ContentfulStatusCode,
  done: Committed,
  { kind, id }: { kind: string; id: string },
): Response {
  const item = done.items.find((one) => one.kind === kind && one.id === id)
  if (item === undefined) throw new Error(`the control plane did not return ${kind}/${id}`)
  if (done.dryRun)
    return reply(c, 200, {
      ...written(item, options.plugins),
      dry_run: true,
      changes: shownDifferences(done.changes, options.plugins),
    })
  return reply(c, status, written(item, options.plugins), { etag: `"${item.revision}"` })
}
