import { hashText } from './exact-table.ts'
import type { HostPattern } from './host-pattern.ts'
import { insertPath, type TreePath } from './insertion.ts'
import { giveLeaf, HOST_SCOPE, isEmptyLeaf, matchLeaf, newLeaf } from './leaf.ts'
import { childCell, labelLength, labelStart, WILDCARD } from './node.ts'
import { removePath } from './removal.ts'
import type { MatchRequest } from './route.ts'
import type { RouteTable } from './table.ts'

/**
 * The leaf of each host. Exact hosts are in the hash table. Wildcards are in a radix tree of the host read backwards, so
 * that `*.a.com` is the prefix `moc.a.`, and the longest that fits is the deepest; those that name a port have a tree of
 * their own, as they are compared with another text.
 */
export class Hosts<T> {
  readonly #table: RouteTable<T>
  #wildcards = 0
  #portWildcards = 0
  /** How many leaves there are, and how many of them name a port. */
  #leaves = 0
  #portLeaves = 0

  constructor(table: RouteTable<T>) {
    this.#table = table
  }

  /** The leaf of the host, a new one if need be. */
  take(host: HostPattern): number {
    const known = this.#get(host)
    if (known !== 0) return known
    const leaf = newLeaf(this.#table, host.wildcard ? undefined : host.text)
    this.#leaves++
    if (host.port) this.#portLeaves++
    this.#set(host, leaf)
    return leaf
  }

  /** The leaf of a host that has one. */
  find(host: HostPattern): number {
    const leaf = this.#get(host)
    if (leaf === 0) throw new Error('the router has lost a host')
    return leaf
  }

  /** Forgets the host when its leaf is empty. */
  tidy(host: HostPattern, leaf: number): void {
    if (!isEmptyLeaf(this.#table, leaf)) return
    this.#set(host, 0)
    giveLeaf(this.#table, leaf, !host.wildcard)
    this.#leaves--
    if (host.port) this.#portLeaves--
  }

  /** The best candidate of the most specific host that has one, 0 when none has. */
  match(request: MatchRequest, path: string, hash: number, method: number): number {
    if (this.#leaves === 0) return 0
    const { host } = request
    const withPort = this.#portLeaves === 0 || request.hostWithPort === host ? undefined : request.hostWithPort
    let found = withPort === undefined ? 0 : this.#matchExact(withPort, request, path, hash, method)
    if (found === 0) found = this.#matchExact(host, request, path, hash, method)
    if (found === 0 && withPort !== undefined && this.#portWildcards !== 0) {
      found = this.#matchWildcards(this.#portWildcards, withPort, request, path, hash, method, 0)
    }
    if (found === 0 && this.#wildcards !== 0) {
      found = this.#matchWildcards(this.#wildcards, host, request, path, hash, method, 0)
    }
    return found
  }

  #matchExact(host: string, request: MatchRequest, path: string, hash: number, method: number): number {
    const leaf = this.#table.exact.get(HOST_SCOPE, host, hashText(host))
    return leaf === 0 ? 0 : matchLeaf(this.#table, leaf, request, path, hash, method)
  }

  /** `from` characters at the end of the host are matched. Longer wildcards are deeper, so what is below goes first. */
  #matchWildcards(
    node: number,
    host: string,
    request: MatchRequest,
    path: string,
    hash: number,
    method: number,
    from: number,
  ): number {
    const { ints } = this.#table.cells
    if (!this.#hasLabel(node, host, from)) return 0
    const at = from + labelLength(ints, node)
    const cell = at === host.length ? 0 : childCell(this.#table.cells, node, host.charCodeAt(host.length - 1 - at))
    if (cell !== 0) {
      const found = this.#matchWildcards(ints[cell], host, request, path, hash, method, at)
      if (found !== 0) return found
    }
    const leaf = ints[node + WILDCARD]
    return leaf === 0 ? 0 : matchLeaf(this.#table, leaf, request, path, hash, method)
  }

  /** Whether the node's label comes next in the host, read backwards. */
  #hasLabel(node: number, host: string, from: number): boolean {
    const { ints, shorts } = this.#table.cells
    const length = labelLength(ints, node)
    if (length > host.length - from) return false
    const start = labelStart(node)
    const last = host.length - 1 - from
    for (let index = 0; index < length; index++) {
      if (shorts[start + index] !== host.charCodeAt(last - index)) return false
    }
    return true
  }

  #get(host: HostPattern): number {
    if (!host.wildcard) return this.#table.exact.get(HOST_SCOPE, host.text, hashText(host.text))
    const { cells } = this.#table
    const { text } = host
    let node = host.port ? this.#portWildcards : this.#wildcards
    for (let at = 0; node !== 0 && this.#hasLabel(node, text, at);) {
      at += labelLength(cells.ints, node)
      if (at === text.length) return cells.ints[node + WILDCARD]
      const cell = childCell(cells, node, text.charCodeAt(text.length - 1 - at))
      node = cell === 0 ? 0 : cells.ints[cell]
    }
    return 0
  }

  /** Leaf 0 takes the host away. */
  #set(host: HostPattern, leaf: number): void {
    const { cells, exact } = this.#table
    if (!host.wildcard) {
      exact.set(HOST_SCOPE, host.text, hashText(host.text), leaf)
      return
    }
    const path: TreePath = { literals: [Array.from(host.text).reverse().join('')], wildcard: true }
    const change = leaf === 0 ? removePath : insertPath
    const root = change(cells, host.port ? this.#portWildcards : this.#wildcards, path, () => leaf)
    if (host.port) this.#portWildcards = root
    else this.#wildcards = root
  }
}
