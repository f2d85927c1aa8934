import { keyedSize, PAYLOAD, sizeOfKeyed, writeKey } from './key.ts'
import { isExact, type Pattern } from './pattern.ts'
import { MAX_SHAPES } from './shapes.ts'
import type { RouteTable } from './table.ts'

/*
 * A candidate: one pattern of one route under one host. Candidates of the same place form a list, best first. Each is a
 * block of four cells, 16 bytes; that of a plain path has its key behind them.
 */
export const NEXT = 0
export const ROUTE = 1
export const METHODS = 2
/** Length of the pattern (13 bits), whether `table.checks` has an entry (1 bit), number of the shape (the rest). */
const TRAITS = 3

const LENGTH_MASK = (1 << 13) - 1
const CHECKED = 1 << 13
const SHAPE_SHIFT = 14

if (MAX_SHAPES >= 2 ** (32 - SHAPE_SHIFT)) throw new RangeError('the number of a shape does not fit')

/** Whether the candidate may be taken without another look, once its method fits. */
export function isPlain(ints: Int32Array, candidate: number): boolean {
  return ints[candidate + TRAITS] <= LENGTH_MASK && ints[candidate + TRAITS] >= 0
}

export function isChecked(ints: Int32Array, candidate: number): boolean {
  return (ints[candidate + TRAITS] & CHECKED) !== 0
}

export function shapeOf(ints: Int32Array, candidate: number): number {
  return ints[candidate + TRAITS] >>> SHAPE_SHIFT
}

/** Puts a candidate into the list at its rank. `scope` is its leaf, for the key. Returns the list's head. */
export function insertCandidate<T>(
  table: RouteTable<T>,
  head: number,
  scope: number,
  pattern: Pattern,
  route: number,
  methods: number,
): number {
  const { cells } = table
  const shape = table.shapes.take(pattern)
  const candidate = cells.take(isExact(pattern) ? keyedSize(pattern.text) : PAYLOAD)
  const { ints } = cells
  ints[candidate + ROUTE] = route
  ints[candidate + METHODS] = methods
  ints[candidate + TRAITS] =
    pattern.text.length | (table.checks[route] === undefined ? 0 : CHECKED) | (shape << SHAPE_SHIFT)
  if (isExact(pattern)) writeKey(cells, candidate, scope, pattern.text)

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
  const byLength = (ints[a + TRAITS] & LENGTH_MASK) - (ints[b + TRAITS] & LENGTH_MASK)
  return byLength === 0 ? ranks[routeA] < ranks[routeB] : byLength > 0
}

/** The first candidate of the route in the list; it is there. */
export function candidateOf<T>({ cells: { ints } }: RouteTable<T>, head: number, route: number): number {
  let candidate = head
  while (candidate !== 0 && ints[candidate + ROUTE] !== route) candidate = ints[candidate + NEXT]
  if (candidate === 0) throw new Error('the router has lost a route')
  return candidate
}

/** Takes the candidate out of the list, without giving its block back. Returns the list's head, 0 when it is empty now. */
export function unlinkCandidate<T>({ cells: { ints } }: RouteTable<T>, head: number, candidate: number): number {
  if (head === candidate) return ints[candidate + NEXT]
  let before = head
  while (ints[before + NEXT] !== candidate) before = ints[before + NEXT]
  ints[before + NEXT] = ints[candidate + NEXT]
  return head
}

/** Gives the block back; `keyed` is whether it is of a plain path. */
export function giveCandidate<T>({ cells, shapes }: RouteTable<T>, candidate: number, keyed: boolean): void {
  shapes.give(shapeOf(cells.ints, candidate))
  cells.give(candidate, keyed ? sizeOfKeyed(cells, candidate) : PAYLOAD)
}
