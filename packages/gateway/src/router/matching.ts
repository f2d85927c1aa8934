import type { Cells } from './cells.ts'
import { isChecked, isPlain, METHODS, NEXT, ROUTE, shapeOf } from './candidates.ts'
import { passesChecks } from './checks.ts'
import { childCell, END, labelLength, labelStart, PARAMETER, WILDCARD } from './node.ts'
import { fitsTail } from './pattern.ts'
import type { MatchRequest } from './route.ts'
import type { RouteTable } from './table.ts'

const SLASH = 47

/**
 * The best candidate at or below `node` that passes its checks, 0 when there is none. `from` is how much of the path is
 * matched, `depth` how many parameters.
 *
 * At each place a literal goes before a parameter, and that before a wildcard; whatever is deeper goes first. The way back
 * is the recursion's: it is only taken at nodes that have something to come back to. Nodes are visited at most once, since
 * the segments of the path fix where each parameter starts, so the cost has a bound that no path can exceed.
 */
export function matchTree<T>(
  table: RouteTable<T>,
  root: number,
  request: MatchRequest,
  path: string,
  method: number,
  from: number,
  depth: number,
): number {
  const { cells } = table
  const { ints } = cells
  let node = root
  let at = from
  for (;;) {
    if (!hasLabel(cells, node, path, at)) return 0
    at += labelLength(ints, node)
    const wildcard = ints[node + WILDCARD]
    if (at === path.length) {
      const end = ints[node + END]
      const found = end === 0 ? 0 : pick(table, end, request, path, method, at)
      return found !== 0 || wildcard === 0 ? found : pick(table, wildcard, request, path, method, at)
    }
    const parameter = ints[node + PARAMETER]
    const code = path.charCodeAt(at)
    const cell = childCell(cells, node, code)
    if (wildcard === 0 && parameter === 0) {
      if (cell === 0) return 0
      node = ints[cell]
      continue
    }
    if (cell !== 0) {
      const found = matchTree(table, ints[cell], request, path, method, at, depth)
      if (found !== 0) return found
    }
    if (parameter !== 0 && code !== SLASH) {
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

/** Whether the node's label comes next in the path. */
function hasLabel({ ints, shorts }: Cells, node: number, path: string, at: number): boolean {
  const length = labelLength(ints, node)
  if (length > path.length - at) return false
  const start = labelStart(node)
  for (let index = 0; index < length; index++) {
    if (shorts[start + index] !== path.charCodeAt(at + index)) return false
  }
  return true
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
    if (!isPlain(ints, candidate) && !passes(table, candidate, request, path, at)) continue
    table.wildcardAt = at
    return candidate
  }
  return 0
}

function passes<T>(table: RouteTable<T>, candidate: number, request: MatchRequest, path: string, at: number): boolean {
  const { ints } = table.cells
  const tail = table.shapes.list[shapeOf(ints, candidate)]?.tail
  if (tail !== undefined && !fitsTail(tail, path, at)) return false
  const checks = isChecked(ints, candidate) ? table.checks[ints[candidate + ROUTE]] : undefined
  return checks === undefined || passesChecks(checks, request)
}

/** An object without a prototype, so that a parameter may have any name, which V8 still gives a hidden class. */
const Captures = function () {} as unknown as new () => Record<string, string>
Captures.prototype = Object.create(null)

/** The parameters of the candidate that `matchTree` returned last. */
export function capture<T>(table: RouteTable<T>, candidate: number, path: string): Record<string, string> | undefined {
  const shape = table.shapes.list[shapeOf(table.cells.ints, candidate)]
  if (shape === undefined || (shape.parameters.length === 0 && shape.wildcardName === undefined)) return undefined
  const captures = new Captures()
  for (let index = 0; index < shape.parameters.length; index++) {
    captures[shape.parameters[index]] = path.slice(table.starts[index], table.ends[index])
  }
  if (shape.wildcardName !== undefined) captures[shape.wildcardName] = path.slice(table.wildcardAt)
  return captures
}
