import type { Pattern } from './pattern.ts'
import type { RouteTable } from './table.ts'

/*
 * A candidate: one pattern of one route under one host. Candidates of the same place form a list, best first; each is a
 * block of six cells, 24 bytes, so that a look at one touches one line of cache.
 */
export const NEXT = 0
export const ROUTE = 1
export const METHODS = 2
const LENGTH = 3
export const SHAPE = 4
/** 1 when the route has an entry in `table.checks`. */
export const CHECKED = 5
const SIZE = 6

/** Puts a candidate into the list at its rank. Returns the list's head. */
export function insertCandidate<T>(table: RouteTable<T>, head: number, route: number, methods: number, pattern: Pattern): number {
  const { cells } = table
  const candidate = cells.take(SIZE)
  const shape = table.shapes.take(pattern)
  const { ints } = cells
  ints[candidate + ROUTE] = route
  ints[candidate + METHODS] = methods
  ints[candidate + LENGTH] = pattern.text.length
  ints[candidate + SHAPE] = shape
  ints[candidate + CHECKED] = table.checks[route] === undefined ? 0 : 1

  let before = 0
  let after = head
  while (after !== 0 && !goesFirst(table, candidate, after)) {
    before = after
    after = ints[after + NEXT]
  }
  ints[candidate + NEXT] = after
  if (before === 0) return candidate
  ints[before + NEXT] = candidate
  return head
}

/** Higher priority, then the longer pattern, then the route that was there first. */
function goesFirst<T>({ cells: { ints }, priorities, ranks }: RouteTable<T>, a: number, b: number): boolean {
  const routeA = ints[a + ROUTE]
  const routeB = ints[b + ROUTE]
  const byPriority = priorities[routeA] - priorities[routeB]
  if (byPriority !== 0) return byPriority > 0
  const byLength = ints[a + LENGTH] - ints[b + LENGTH]
  return byLength === 0 ? ranks[routeA] < ranks[routeB] : byLength > 0
}

/** Takes one candidate of the route out of the list. Returns the list's head, 0 when it is empty now. */
export function dropCandidate<T>({ cells, shapes }: RouteTable<T>, head: number, route: number): number {
  const { ints } = cells
  let before = 0
  let candidate = head
  while (candidate !== 0 && ints[candidate + ROUTE] !== route) {
    before = candidate
    candidate = ints[candidate + NEXT]
  }
  if (candidate === 0) throw new Error('the router has lost a route')
  const after = ints[candidate + NEXT]
  shapes.give(ints[candidate + SHAPE])
  cells.give(candidate, SIZE)
  if (before === 0) return after
  ints[before + NEXT] = after
  return head
}
