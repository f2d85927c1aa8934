import type { PluginLookup } from '../../config/plugin-lookup.ts'
import type { ResourceDifference } from '../../control/control-plane.ts'
import { maskPair } from '../audit/mask-secrets.ts'

/** Differences for people: secrets are masked, and those that changed say so. `null` is "not there". */
export const shownDifferences = (differences: readonly ResourceDifference[], plugins: PluginLookup): object[] =>
  differences.map(({ kind, id, before, after }) => ({ kind, id, ...maskPair(kind, before, after, plugins) }))
