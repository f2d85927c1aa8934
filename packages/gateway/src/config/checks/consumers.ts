import type { Consumer } from '../../resources/consumer.ts'
import { pointerPart } from '../problem.ts'
import type { PluginLookup } from '../plugin-lookup.ts'
import type { Claim } from './claims.ts'
import type { Entry } from './entry.ts'

/** The value that finds a consumer must find one only, for each auth plugin. The value is a secret, so it is not shown. */
export function consumerKeyClaims({ item, path }: Entry, plugins: PluginLookup): readonly Claim[] {
  const claims: Claim[] = []
  for (const [name, config] of Object.entries((item as Consumer).plugins ?? {})) {
    const field = plugins.get(name)?.consumerKey
    const value = field === undefined ? undefined : config[field]
    if (field === undefined || typeof value !== 'string') continue
    claims.push({
      name: `consumers ${JSON.stringify([name, value])}`,
      taken: (holder) => ({
        path: `${path}/plugins/${pointerPart(name)}/${pointerPart(field)}`,
        message: `consumer "${holder}" has the same ${field} for ${name}`,
        remedy: 'give each consumer one of its own',
      }),
    })
  }
  return claims
}
