import { Cells } from './cells.ts'
import type { Checks } from './checks.ts'
import { ExactTable } from './exact-table.ts'
import { MAX_PARAMETERS } from './pattern.ts'
import type { RouteSpec } from './route.ts'
import { Shapes } from './shapes.ts'

/**
 * What a router holds. Each route has a number; what is read of it while matching lies in arrays by that number, apart
 * from what is only read when routes change.
 */
export class RouteTable<T> {
  readonly cells = new Cells()
  /** Candidates of plain paths (scope: their leaf) and leaves of exact hosts (scope: 0). */
  readonly exact = new ExactTable(this.cells)
  readonly shapes = new Shapes()

  readonly values: (T | undefined)[] = []
  readonly checks: (Checks | undefined)[] = []

  readonly specs: (RouteSpec<T> | undefined)[] = []
  readonly priorities: number[] = []
  /** Insertion order, kept when a route is replaced. */
  readonly ranks: number[] = []
  readonly #free: number[] = []
  #nextRank = 0

  /** Where the parameters of the path being matched start and end; valid right after a match. */
  readonly starts = new Int32Array(MAX_PARAMETERS)
  readonly ends = new Int32Array(MAX_PARAMETERS)
  /** Where the text of the wildcard starts. */
  wildcardAt = 0

  /** A number for the route. `rank` is the one it had before, if it is replaced. */
  add(spec: RouteSpec<T>, checks: Checks | undefined, rank = this.#nextRank++): number {
    const route = this.#free.pop() ?? this.specs.length
    this.specs[route] = spec
    this.values[route] = spec.value
    this.checks[route] = checks
    this.priorities[route] = spec.priority
    this.ranks[route] = rank
    return route
  }

  drop(route: number): void {
    this.specs[route] = undefined
    this.values[route] = undefined
    this.checks[route] = undefined
    this.#free.push(route)
  }
}
