import { candidateOf, giveCandidate, insertCandidate, unlinkCandidate } from './candidates.ts'
import { hashText } from './exact-table.ts'
import { insertPath } from './insertion.ts'
import { keyedSize, PAYLOAD, sizeOfKeyed, writeKey } from './key.ts'
import { matchTree, pick } from './matching.ts'
import { isExact, type Pattern } from './pattern.ts'
import { removePath } from './removal.ts'
import type { MatchRequest } from './route.ts'
import type { RouteTable } from './table.ts'

/*
 * A leaf: all paths of one host pattern, or of no host. A block of four cells; that of an exact host has its key behind
 * them.
 */
const ROOT = 0
/** How many plain paths it has: none saves the look into the hash table. */
const PLAIN_PATHS = 1
/** How many candidates it has in all. */
const CANDIDATES = 2

/** Leaf numbers are the scopes of paths; none is 0, which is left for hosts. */
export const HOST_SCOPE = 0

/** @param host of an exact host, undefined of others */
export function newLeaf<T>({ cells }: RouteTable<T>, host?: string): number {
  const leaf = cells.take(host === undefined ? PAYLOAD : keyedSize(host))
  cells.ints.fill(0, leaf, leaf + PAYLOAD)
  if (host !== undefined) writeKey(cells, leaf, HOST_SCOPE, host)
  return leaf
}

export function giveLeaf<T>({ cells }: RouteTable<T>, leaf: number, keyed: boolean): void {
  cells.give(leaf, keyed ? sizeOfKeyed(cells, leaf) : PAYLOAD)
}

export function isEmptyLeaf<T>({ cells }: RouteTable<T>, leaf: number): boolean {
  return cells.ints[leaf + CANDIDATES] === 0
}

export function addToLeaf<T>(
  table: RouteTable<T>,
  leaf: number,
  pattern: Pattern,
  route: number,
  methods: number,
): void {
  const { cells } = table
  if (isExact(pattern)) {
    addPlainPath(table, leaf, pattern, route, methods)
  } else {
    const attach = (head: number): number => insertCandidate(table, head, leaf, pattern, route, methods)
    const root = insertPath(cells, cells.ints[leaf + ROOT], pattern, attach)
    cells.ints[leaf + ROOT] = root
  }
  cells.ints[leaf + CANDIDATES]++
}

function addPlainPath<T>(table: RouteTable<T>, leaf: number, pattern: Pattern, route: number, methods: number): void {
  const hash = hashText(pattern.text)
  const before = table.exact.get(leaf, pattern.text, hash)
  const head = insertCandidate(table, before, leaf, pattern, route, methods)
  table.exact.set(leaf, pattern.text, hash, head)
  if (before === 0) table.cells.ints[leaf + PLAIN_PATHS]++
}

export function dropFromLeaf<T>(table: RouteTable<T>, leaf: number, pattern: Pattern, route: number): void {
  const { cells } = table
  if (isExact(pattern)) {
    dropPlainPath(table, leaf, pattern, route)
  } else {
    const root = removePath(cells, cells.ints[leaf + ROOT], pattern, (head) => {
      const candidate = candidateOf(table, head, route)
      const rest = unlinkCandidate(table, head, candidate)
      giveCandidate(table, candidate, false)
      return rest
    })
    cells.ints[leaf + ROOT] = root
  }
  cells.ints[leaf + CANDIDATES]--
}

function dropPlainPath<T>(table: RouteTable<T>, leaf: number, pattern: Pattern, route: number): void {
  const hash = hashText(pattern.text)
  const head = table.exact.get(leaf, pattern.text, hash)
  const candidate = candidateOf(table, head, route)
  const rest = unlinkCandidate(table, head, candidate)
  // The hash table reads the key of the block that it has, so the block goes after it is out.
  table.exact.set(leaf, pattern.text, hash, rest)
  giveCandidate(table, candidate, true)
  if (rest === 0) table.cells.ints[leaf + PLAIN_PATHS]--
}

/** The best candidate of the leaf, 0 when none passes its checks. A plain path goes before any wildcard. */
export function matchLeaf<T>(
  table: RouteTable<T>,
  leaf: number,
  request: MatchRequest,
  path: string,
  hash: number,
  method: number,
): number {
  const { ints } = table.cells
  if (ints[leaf + PLAIN_PATHS] !== 0) {
    const head = table.exact.get(leaf, path, hash)
    if (head !== 0) {
      const found = pick(table, head, request, path, method, path.length)
      if (found !== 0) return found
    }
  }
  const root = ints[leaf + ROOT]
  return root === 0 ? 0 : matchTree(table, root, request, path, method, 0, 0)
}
