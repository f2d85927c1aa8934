import type { PluginLookup } from '../plugin-lookup.ts'
import type { Claim } from './claims.ts'
import { consumerKeyClaims } from './consumers.ts'
import type { CheckContext, Entry } from './entry.ts'
import { globalRuleClaims } from './global-rules.ts'
import { serverNameClaims } from './ssls.ts'

/** What a resource claims for itself. */
export function claimsOf(entry: Entry, plugins: PluginLookup): readonly Claim[] {
  switch (entry.kind) {
    case 'consumers':
      return consumerKeyClaims(entry, plugins)
    case 'global_rules':
      return globalRuleClaims(entry)
    case 'ssls':
      return serverNameClaims(entry)
    default:
      return NONE
  }
}

const NONE: readonly Claim[] = []

/** How the holder of a claim is called. */
export const holderText = ({ kind, id }: Pick<Entry, 'kind' | 'id'>): string => (kind === 'ssls' ? `ssl "${id}"` : id)

/** Nobody claims what another has: of two, the one that comes first in `entries` keeps it. */
export function checkClaims({ entries, claims, plugins, findings }: CheckContext): void {
  for (const entry of entries) {
    for (const { name, taken } of claimsOf(entry, plugins)) {
      const holder = claims.take(name, holderText(entry))
      if (holder !== undefined) findings.add(taken(holder))
    }
  }
}
