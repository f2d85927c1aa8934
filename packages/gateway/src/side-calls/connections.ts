import { Resolver } from '@sekisho/proxy'
import { Deadlines, DEFAULT_H1_LIMITS, DEFAULT_H2_LIMITS, DEFAULT_MAX_IDLE, UpstreamPools } from '@sekisho/wire'

/** Connections of a thread for calls that are not the way of a request. */
export interface SideConnections {
  readonly pools: UpstreamPools
  readonly resolver: Resolver
  readonly deadlines: Deadlines
}

let shared: SideConnections | undefined

/** One set for each thread, made when something is first called. */
export function sideConnections(): SideConnections {
  if (shared !== undefined) return shared
  const deadlines = new Deadlines()
  const pools = new UpstreamPools({
    deadlines,
    limits: DEFAULT_H1_LIMITS,
    h2Limits: DEFAULT_H2_LIMITS,
    maxIdle: DEFAULT_MAX_IDLE,
    onDistrust: () => undefined,
  })
  return (shared = { pools, resolver: new Resolver(), deadlines })
}

/** Closes what nobody uses, so that a thread may end. */
export function closeIdleConnections(): void {
  shared?.pools.closeIdle()
}
