import { pointerPart } from '../../config/problem.ts'
import type { Document, DocumentChange, Item, WriteResult } from '../../control/control-plane.ts'
import type { AdminContext, AdminOptions } from '../admin-options.ts'
import { maskSecrets } from '../audit/mask-secrets.ts'
import { commit, type Committed, refuseReadOnly } from '../changes/commit.ts'
import { shownDifferences } from '../changes/shown-differences.ts'
import { AdminError, badRequest } from '../request/admin-error.ts'
import { type Fields, readObject } from '../request/read-body.ts'
import { reply } from '../request/reply.ts'
import { idText } from './envelope.ts'
import { missing } from './read-resources.ts'

/** A write that finds the consumer changed since it read it starts anew this often. */
const TRIES = 3

const VERBS = 'GET, PUT, DELETE'

type Credentials = Readonly<Record<string, Document>>
type Conflict = Extract<WriteResult, { conflict: unknown }>

/** Credentials are part of their consumer; APISIX's clients find them at paths of their own. */
export const credentialsOf = ({ value }: Item): Credentials => (value['credentials'] ?? {}) as Credentials

/** `/consumers/jack/credentials` and `/consumers/jack/credentials/phone`. */
export async function credentialRoutes(
  c: AdminContext,
  options: AdminOptions,
  [username = '', id, ...rest]: readonly string[],
): Promise<Response> {
  const method = c.req.method === 'HEAD' ? 'GET' : c.req.method
  if (method !== 'GET' && method !== 'PUT' && method !== 'DELETE') {
    const message = `not supported \`${method}\` method for credential; supported are ${VERBS}`
    throw new AdminError(405, message, { headers: { allow: VERBS } })
  }
  if (rest.length > 0) throw new AdminError(404, 'not found: write consumers/USERNAME/credentials/ID')
  if (method === 'GET') return readCredentials(c, options, consumerNamed(options, username), id)
  refuseReadOnly(options)
  return method === 'PUT' ? putCredential(c, options, username, id) : deleteCredential(c, options, username, id)
}

function consumerNamed({ control }: AdminOptions, username: string): Item {
  const consumer = control.get('consumers', username)
  if (consumer !== undefined) return consumer
  throw new AdminError(404, `consumer not found: there is no consumer "${username.slice(0, 60)}"; PUT it first`)
}

function readCredentials(c: AdminContext, options: AdminOptions, consumer: Item, id: string | undefined): Response {
  const value = maskSecrets('consumers', consumer.value, options.plugins)
  const shown = { ...consumer, value }
  const credentials = credentialsOf(shown)
  if (id !== undefined)
    return Object.hasOwn(credentials, id) ? reply(c, 200, stored(shown, id, credentials[id]!)) : missing(c)
  const list = Object.entries(credentials).map(([name, credential]) => stored(shown, name, credential))
  return reply(c, 200, { total: list.length, list })
}

async function putCredential(
  c: AdminContext,
  options: AdminOptions,
  username: string,
  inPath: string | undefined,
): Promise<Response> {
  const { id: inBody, ...body } = await readObject(c)
  const id = inPath ?? idText(inBody)
  if (id === undefined) throw badRequest('missing credential id; write it into the path: credentials/ID')
  if (inBody !== undefined && idText(inBody) !== id)
    throw badRequest(`wrong credential id: the path says "${id}"; make "id" in the body the same, or remove it`)
  if (body['create_time'] !== undefined || body['update_time'] !== undefined)
    throw badRequest('the property is forbidden: the gateway sets "create_time" and "update_time"; remove them')
  let made = false
  const { consumer, done } = await change(c, options, username, id, (before) => {
    made = before === undefined
    const now = Math.floor(Date.now() / 1_000)
    return { create_time: before?.['create_time'] ?? now, update_time: now, ...body }
  })
  const shown = { ...consumer, value: maskSecrets('consumers', consumer.value, options.plugins) }
  const value = { id, ...credentialsOf(shown)[id] }
  return reply(c, made && !done.dryRun ? 201 : 200, { key: keyOf(username, id), value, ...dryRun(options, done) })
}

async function deleteCredential(
  c: AdminContext,
  options: AdminOptions,
  username: string,
  id: string | undefined,
): Promise<Response> {
  if (id === undefined) throw badRequest('missing credential id; write it into the path: credentials/ID')
  if (!Object.hasOwn(credentialsOf(consumerNamed(options, username)), id)) return missing(c)
  const { done } = await change(c, options, username, id, () => undefined)
  return reply(c, 200, { deleted: '1', key: keyOf(username, id), ...dryRun(options, done) })
}

/** Writes the consumer with one credential changed; undefined takes it out. */
async function change(
  c: AdminContext,
  options: AdminOptions,
  username: string,
  id: string,
  next: (before: Document | undefined) => Fields | undefined,
): Promise<{ consumer: Item; done: Committed }> {
  for (let attempt = 1; ; attempt++) {
    const consumer = consumerNamed(options, username)
    const { [id]: before, ...others } = credentialsOf(consumer)
    const after = next(before)
    const { update_time: _updated, credentials: _credentials, ...rest } = consumer.value
    const credentials = after === undefined ? others : { ...others, [id]: after }
    const value = Object.keys(credentials).length === 0 ? rest : { ...rest, credentials }
    const write: DocumentChange = { kind: 'consumers', id: username, value, ifRevision: consumer.revision }
    const within = `/consumers/${pointerPart(username)}/credentials/${pointerPart(id)}`
    const done: Committed | Conflict = await commit(c, options, [write], { within })
    if (!('conflict' in done)) return { consumer: done.items[0] ?? consumer, done }
    if (attempt === TRIES)
      throw new AdminError(503, 'value changed before overwritten: somebody else writes the same consumer; try again')
  }
}

const keyOf = (username: string, id: string): string => `/apisix/consumers/${username}/credentials/${id}`

const stored = ({ id: username, createRevision, revision }: Item, id: string, credential: Document): object => ({
  key: keyOf(username, id),
  value: { id, ...credential },
  // Those of the consumer: it is one document.
  createdIndex: createRevision,
  modifiedIndex: revision,
})

const dryRun = ({ plugins }: AdminOptions, done: Committed): object =>
  done.dryRun ? { dry_run: true, changes: shownDifferences(done.changes, plugins) } : {}
