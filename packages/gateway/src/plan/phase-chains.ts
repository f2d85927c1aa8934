import type { MountedPlugin } from './mounted-plugin.ts'

/** For each phase the plugins that act in it, in order. An empty list costs one comparison. */
export interface PhaseChains {
  readonly preflight: readonly MountedPlugin[]
  readonly rewrite: readonly MountedPlugin[]
  readonly access: readonly MountedPlugin[]
  readonly balancer: readonly MountedPlugin[]
  readonly requestBody: readonly MountedPlugin[]
  readonly headerFilter: readonly MountedPlugin[]
  readonly bodyFilter: readonly MountedPlugin[]
  readonly log: readonly MountedPlugin[]
}

/**
 * The chains of a request: those of the global rules first, then those of the route (its plugins merged with what it refers
 * to). Each list is sorted by itself, higher priority first.
 */
export function phaseChains(globals: readonly MountedPlugin[], own: readonly MountedPlugin[]): PhaseChains {
  // APISIX: a plugin that prefers the route runs once when both have it.
  const names = new Set(own.map((plugin) => plugin.name))
  const outer = globals.filter((plugin) => !(plugin.runPolicy === 'prefer_route' && names.has(plugin.name)))
  const all = [...byPriority(outer), ...byPriority(own)]
  const having = (phase: keyof PhaseChains): readonly MountedPlugin[] => {
    const chain = all.filter((plugin) => plugin.hooks[phase] !== undefined)
    return chain.length === 0 ? NO_PLUGINS : chain
  }
  return {
    preflight: having('preflight'),
    rewrite: having('rewrite'),
    access: having('access'),
    balancer: having('balancer'),
    requestBody: having('requestBody'),
    headerFilter: having('headerFilter'),
    bodyFilter: having('bodyFilter'),
    log: having('log'),
  }
}

/** The same empty list for all: what a request looks at without need is in the processor's cache. */
export const NO_PLUGINS: readonly MountedPlugin[] = []

/** Stable: equal priorities stay in the order of their names, so that two nodes never differ. */
const byPriority = (plugins: readonly MountedPlugin[]): MountedPlugin[] =>
  [...plugins].sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1))
