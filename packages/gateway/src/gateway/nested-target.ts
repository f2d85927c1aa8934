import type { Timeout } from '../resources/timeout.ts'
import type { NestedUpstream } from '../plugins/definition.ts'
import type { TargetResult, UpstreamTable } from './upstream-table.ts'

/** An upstream that a plugin's configuration holds or names, to be put on a request: `session.ctx.chosen = choice.at(timeout)`. */
export interface UpstreamChoice {
  /** Where requests go now. @param timeout of the route, in place of the upstream's own */
  at(timeout: Timeout | undefined): TargetResult
}

/** Looks its target up when upstreams have changed, not per request. */
export class NestedTarget implements UpstreamChoice {
  private readonly table: UpstreamTable
  private readonly place: string
  private readonly nested: NestedUpstream
  private found: TargetResult | undefined = undefined
  private version = -1
  private timeout: Timeout | undefined = undefined

  constructor(table: UpstreamTable, place: string, nested: NestedUpstream) {
    this.table = table
    this.place = place
    this.nested = nested
  }

  at(timeout: Timeout | undefined): TargetResult {
    const { table, found } = this
    if (found !== undefined && this.version === table.version && this.timeout === timeout) return found
    this.version = table.version
    this.timeout = timeout
    return (this.found = table.nestedTarget(this.place, this.nested, timeout))
  }

  dispose(): void {
    this.table.removePlace(this.place)
  }
}
