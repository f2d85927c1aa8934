import { CHECKED, METHODS, NEXT, ROUTE, SHAPE } from './candidates.ts'
import { passesChecks } from './checks.ts'
import { childCell, END, labelLength, labelStart, PARAMETER, WILDCARD } from './node.ts'
import { fitsTail } from './pattern.ts'
import type { MatchRequest } from './route.ts'
import type { RouteTable } from './table.ts'

const SLASH = 47

/**
 * The best candidate below `node` that passes its checks, 0 when there is none. `at` is how much of the path is matched.
 *
 * At each place a literal goes before a parameter, and that before a wildcard; whatever is deeper goes first. The way back
 * is the recursion's: it is only taken at nodes that have something to come back to. Nodes are visited at most once, since
 * the segments of the path fix where each parameter starts, so the cost has a bound that no path can exceed.
 */
export function matchTree<T>(
  table: RouteTable<T>,
  node: number,
  request: MatchRequest,
  path: string,
  method: number,
  from: number,
  depth: number,
): number {
  const { ints } = table.cells
  let at = from
  for (;;) {
    const wildcard = ints[node + WILDCARD]
    if (at === path.length) {
      const end = ints[node + END]
      const found = end === 0 ? 0 : pick(table, end, request, path, method, at)
      return found !== 0 || wildcard === 0 ? found : pick(table, wildcard, request, path, method, at)
    }
    const parameter = ints[node + PARAMETER]
    const child = matchingChild(table, node, path, at)
    if (wildcard === 0 && parameter === 0) {
      if (child === 0) return 0
      node = child
      at += labelLength(ints, child)
      continue
    }
    if (child !== 0) {
      const found = matchTree(table, child, request, path, method, at + labelLength(ints, child), depth)
      if (found !== 0) return found
    }
    if (parameter !== 0 && path.charCodeAt(at) !== SLASH) {
      const slash = path.indexOf('/', at)
      const end = slash < 0 ? path.length : slash
      table.starts[depth] = at
      table.ends[depth] = end
      const found = matchTree(table, parameter, request, path, method, end, depth + 1)
      if (found !== 0) return found
    }
    return wildcard === 0 ? 0 : pick(table, wildcard, request, path, method, at)
  }
}

/** The child whose whole label comes next in the path. */
function matchingChild<T>({ cells }: RouteTable<T>, node: number, path: string, at: number): number {
  const { ints, shorts } = cells
  const cell = childCell(cells, node, path.charCodeAt(at))
  if (cell === 0) return 0
  const child = ints[cell]
  const length = labelLength(ints, child)
  if (length > path.length - at) return 0
  const start = labelStart(child)
  for (let index = 1; index < length; index++) {
    if (shorts[start + index] !== path.charCodeAt(at + index)) return 0
  }
  return child
}

/** The first candidate of the list that passes its checks. `at` is where a wildcard's text starts. */
export function pick<T>(
  table: RouteTable<T>,
  head: number,
  request: MatchRequest,
  path: string,
  method: number,
  at: number,
): number {
  const { ints } = table.cells
  for (let candidate = head; candidate !== 0; candidate = ints[candidate + NEXT]) {
    if ((ints[candidate + METHODS] & method) === 0) continue
    if (ints[candidate + SHAPE] !== 0) {
      const tail = table.shapes.list[ints[candidate + SHAPE]]?.tail
      if (tail !== undefined && !fitsTail(tail, path, at)) continue
    }
    if (ints[candidate + CHECKED] !== 0) {
      const checks = table.checks[ints[candidate + ROUTE]]
      if (checks !== undefined && !passesChecks(checks, request)) continue
    }
    table.wildcardAt = at
    return candidate
  }
  return 0
}

/** An object without a prototype, so that a parameter may have any name, which V8 still gives a hidden class. */
const Captures = function () {} as unknown as new () => Record<string, string>
Captures.prototype = Object.create(null)

/** The parameters of the candidate that `matchTree` returned last. */
export function capture<T>(table: RouteTable<T>, candidate: number, path: string): Record<string, string> | undefined {
  const shape = table.shapes.list[table.cells.ints[candidate + SHAPE]]
  if (shape === undefined || (shape.parameters.length === 0 && shape.wildcardName === undefined)) return undefined
  const captures = new Captures()
  for (let index = 0; index < shape.parameters.length; index++) {
    captures[shape.parameters[index]] = path.slice(table.starts[index], table.ends[index])
  }
  if (shape.wildcardName !== undefined) captures[shape.wildcardName] = path.slice(table.wildcardAt)
  return captures
}
