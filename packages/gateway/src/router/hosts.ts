import { hashText } from './exact-table.ts'
import type { HostPattern } from './host-pattern.ts'
import { insertPath, type TreePath } from './insertion.ts'
import { giveLeaf, isEmptyLeaf, matchLeaf, newLeaf } from './leaf.ts'
import { childCell, labelLength, labelStart, WILDCARD } from './node.ts'
import { removePath } from './removal.ts'
import type { MatchRequest } from './route.ts'
import type { RouteTable } from './table.ts'

/** Hosts share the hash table with paths; no leaf, the scope of a path, has the number 0. */
const HOST_SCOPE = 0

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
    const leaf = newLeaf(this.#table)
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
    giveLeaf(this.#table, leaf)
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

  /** `at` characters at the end of the host are matched. Longer wildcards are deeper, so what is below goes first. */
  #matchWildcards(
    node: number,
    host: string,
    request: MatchRequest,
    path: string,
    hash: number,
    method: number,
    at: number,
  ): number {
    const { ints } = this.#table.cells
    const child = this.#matchingChild(node, host, at)
    if (child !== 0) {
      const found = this.#matchWildcards(child, host, request, path, hash, method, at + labelLength(ints, child))
      if (found !== 0) return found
    }
    const leaf = ints[node + WILDCARD]
    return leaf === 0 ? 0 : matchLeaf(this.#table, leaf, request, path, hash, method)
  }

  #matchingChild(node: number, host: string, at: number): number {
    const { cells } = this.#table
    const last = host.length - 1 - at
    if (last < 0) return 0
    const cell = childCell(cells, node, host.charCodeAt(last))
    if (cell === 0) return 0
    const child = cells.ints[cell]
    const length = labelLength(cells.ints, child)
    if (length > last + 1) return 0
    const start = labelStart(child)
    for (let index = 1; index < length; index++) {
      if (cells.shorts[start + index] !== host.charCodeAt(last - index)) return 0
    }
    return child
  }

  #get(host: HostPattern): number {
    if (!host.wildcard) return this.#table.exact.get(HOST_SCOPE, host.text, hashText(host.text))
    const { cells } = this.#table
    let node = host.port ? this.#portWildcards : this.#wildcards
    let at = 0
    while (node !== 0 && at < host.text.length) {
      node = this.#matchingChild(node, host.text, at)
      at += node === 0 ? 0 : labelLength(cells.ints, node)
    }
    return node === 0 ? 0 : cells.ints[node + WILDCARD]
  }

  /** Leaf 0 takes the host away. */
  #set(host: HostPattern, leaf: number): void {
    const { cells, exact } = this.#table
    if (!host.wildcard) {
      exact.set(HOST_SCOPE, host.text, hashText(host.text), leaf)
      return
    }
    const path: TreePath = { literals: [[...host.text].reverse().join('')], wildcard: true }
    const change = leaf === 0 ? removePath : insertPath
    const root = change(cells, host.port ? this.#portWildcards : this.#wildcards, path, () => leaf)
    if (host.port) this.#portWildcards = root
    else this.#wildcards = root
  }
}
