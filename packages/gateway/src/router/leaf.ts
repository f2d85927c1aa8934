import { dropCandidate, insertCandidate } from './candidates.ts'
import { hashText } from './exact-table.ts'
import { insertPath } from './insertion.ts'
import { matchTree, pick } from './matching.ts'
import { isExact, type Pattern } from './pattern.ts'
import { removePath } from './removal.ts'
import type { MatchRequest } from './route.ts'
import type { RouteTable } from './table.ts'

/*
 * A leaf: all paths of one host pattern, or of no host. A block of three cells.
 */
const ROOT = 0
/** How many plain paths it has: none saves the look into the hash table. */
const PLAIN_PATHS = 1
/** How many candidates it has in all. */
const CANDIDATES = 2
const SIZE = 3

export function newLeaf<T>({ cells }: RouteTable<T>): number {
  const leaf = cells.take(SIZE)
  cells.ints.fill(0, leaf, leaf + SIZE)
  return leaf
}

export function giveLeaf<T>({ cells }: RouteTable<T>, leaf: number): void {
  cells.give(leaf, SIZE)
}

export function isEmptyLeaf<T>({ cells }: RouteTable<T>, leaf: number): boolean {
  return cells.ints[leaf + CANDIDATES] === 0
}


export function addToLeaf<T>(table: RouteTable<T>, leaf: number, pattern: Pattern, route: number, methods: number): void {
  const { cells, exact } = table
  cells.ints[leaf + CANDIDATES]++
  if (isExact(pattern)) {
    const hash = hashText(pattern.text)
    const before = exact.get(leaf, pattern.text, hash)
    if (before === 0) cells.ints[leaf + PLAIN_PATHS]++
    exact.set(leaf, pattern.text, hash, insertCandidate(table, before, route, methods, pattern))
    return
  }
  const attach = (head: number): number => insertCandidate(table, head, route, methods, pattern)
  const root = insertPath(cells, cells.ints[leaf + ROOT], pattern, attach)
  cells.ints[leaf + ROOT] = root
}

export function dropFromLeaf<T>(table: RouteTable<T>, leaf: number, pattern: Pattern, route: number): void {
  const { cells, exact } = table
  cells.ints[leaf + CANDIDATES]--
  if (isExact(pattern)) {
    const hash = hashText(pattern.text)
    const head = dropCandidate(table, exact.get(leaf, pattern.text, hash), route)
    if (head === 0) cells.ints[leaf + PLAIN_PATHS]--
    exact.set(leaf, pattern.text, hash, head)
    return
  }
  const root = removePath(cells, cells.ints[leaf + ROOT], pattern, (head) => dropCandidate(table, head, route))
  cells.ints[leaf + ROOT] = root
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
