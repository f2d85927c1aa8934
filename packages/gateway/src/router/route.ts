import type { VariableSource } from '../expressions/index.ts'

/** A route as the router sees it; `value` is what a match returns. */
export interface RouteSpec<T> {
  readonly id: string
  /** Path patterns, see `parsePattern`. One or more. */
  readonly uris: readonly string[]
  /** Host patterns: `a.com`, `a.com:8080`, `*.a.com`, `*`. None: every host, after all routes that name one. */
  readonly hosts: readonly string[]
  /** Upper case. None: every method, also those that are not in the list of known ones. */
  readonly methods?: readonly string[]
  /** Networks, one of which must hold the client's address. */
  readonly remoteAddrs?: readonly string[]
  /** See `compileExpression`. */
  readonly vars?: unknown
  /** See `compileFilterFunction`. */
  readonly filterFunc?: string
  /** Higher goes first, among patterns that are equally specific. */
  readonly priority: number
  readonly value: T
}

/** What the router reads of a request. The session's context implements it; nothing is allocated to match. */
export interface MatchRequest extends VariableSource {
  readonly method: string
  /** Normalised and decoded, see `normalisePath`. */
  readonly path: string
  /** Lower case, without the port. Empty when the request has none. */
  readonly host: string
  /** Lower case, `host:port` as it was sent; read only when some route names a port. */
  readonly hostWithPort?: string
  readonly remoteAddr: string
  /** Set by `match`: the path parameters of the route, undefined when it has none. */
  uriParams: Record<string, string> | undefined
}

/** A part of a route that the router cannot use. */
export class RouteError extends Error {
  /** The part: `uris`, `hosts`, `methods`, `remoteAddrs`, `vars` or `filterFunc`. */
  readonly field: keyof RouteSpec<unknown>
  /** Where within the part: a JSON pointer such as `/0`; empty for the whole. */
  readonly pointer: string

  /** @param reason what is wrong and what would be right */
  constructor(field: keyof RouteSpec<unknown>, pointer: string, reason: string) {
    super(`${field}${pointer}: ${reason}`)
    this.name = 'RouteError'
    this.field = field
    this.pointer = pointer
  }
}
