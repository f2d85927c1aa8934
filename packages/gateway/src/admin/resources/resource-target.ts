import { type ResourceKind, RESOURCE_KINDS } from '../../resources/kind-names.ts'
import { managerOf, SECRET_MANAGERS } from '../../resources/secret.ts'
import type { AdminContext } from '../admin-options.ts'
import { AdminError, badRequest } from '../request/admin-error.ts'

export type Verb = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'

/** What a path names: a kind, one resource of it, or a part of that. */
export interface ResourceTarget {
  readonly kind: ResourceKind
  /** Undefined: the whole list. */
  readonly id: string | undefined
  /** Names of fields on the way to a part (PATCH only). */
  readonly subPath: readonly string[]
}

const ALL: readonly Verb[] = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE']
const NO_POST: readonly Verb[] = ['GET', 'PUT', 'PATCH', 'DELETE']
const NO_PATCH: readonly Verb[] = ['GET', 'PUT', 'POST', 'DELETE']
const NEITHER: readonly Verb[] = ['GET', 'PUT', 'DELETE']

/** Verbs as in APISIX. */
const VERBS: Readonly<Record<string, readonly Verb[]>> = {
  routes: ALL,
  services: ALL,
  upstreams: ALL,
  ssls: ALL,
  protos: NO_PATCH,
  stream_routes: NO_PATCH,
  consumers: NEITHER,
  plugin_metadata: NEITHER,
}

/** Kinds with ids of two parts: `secrets/vault/1`. */
export const TWO_PARTS: ReadonlySet<string> = new Set(['secrets'])

export const verbsOf = (kind: ResourceKind): readonly Verb[] => VERBS[kind] ?? NO_POST

/** The last part of the path without its prefix: `routes/1/upstream` as its names. */
export function pathParts(c: AdminContext): string[] {
  const path = new URL(c.req.url).pathname.replace(/^\/(apisix\/)?admin\/?/, '')
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => decodeURIComponent(part))
  } catch {
    throw badRequest('the path holds a wrong escape; write "%25" for a percent sign')
  }
}

/** Reads a path; 404 for a kind that is none, 405 for a verb that the kind does not have. */
export function resourceTarget([name = '', ...rest]: readonly string[], method: string): ResourceTarget {
  const kind = RESOURCE_KINDS.find((known) => known === name)
  if (kind === undefined) {
    throw new AdminError(
      404,
      `Unsupported resource type: ${name.slice(0, 60)}; there are ${RESOURCE_KINDS.toSorted().join(', ')}`,
    )
  }
  const verbs = verbsOf(kind)
  if (!verbs.includes(method as Verb)) {
    const message = `not supported \`${method}\` method for ${kind}; supported are ${verbs.join(', ')}`
    throw new AdminError(405, message, { headers: { allow: verbs.join(', ') } })
  }
  const length = TWO_PARTS.has(kind) ? 2 : 1
  const id = rest.length === 0 ? undefined : rest.slice(0, length).join('/')
  const subPath = rest.slice(length)
  if (kind === 'secrets' && id !== undefined && managerOf(`${id}/`) === undefined)
    throw badRequest(`invalid secret manager: ${rest[0]!.slice(0, 60)}; there are ${SECRET_MANAGERS.join(', ')}`)
  if (rest.length > 0 && rest.length < length) throw new AdminError(404, `not found: write ${kind}/MANAGER/ID`)
  if (subPath.length > 0 && method !== 'PATCH')
    throw new AdminError(404, `not found: only PATCH takes a path within a resource; write ${kind}/${id}`)
  return { kind, id, subPath }
}
