import type { Consumer, Credential } from '../../resources/consumer.ts'
import type { PluginLookup } from '../plugin-lookup.ts'
import { pointerPart, shortValue } from '../problem.ts'
import type { Claim } from './claims.ts'
import type { CheckContext, Entry } from './entry.ts'
import { checkPluginSet } from './plugin-set.ts'

/** One place where a consumer says what it shows: on itself, or in one of its credentials. */
interface Shown {
  readonly plugin: string
  readonly field: string
  readonly value: string
  readonly path: string
}

/** The value that finds a consumer must find one only, for each auth plugin. The value is a secret, so it is not shown. */
export function consumerKeyClaims(entry: Entry, plugins: PluginLookup): readonly Claim[] {
  const seen = new Set<string>()
  return shownBy(entry, plugins).flatMap(({ plugin, field, value, path }) => {
    const name = `consumers ${JSON.stringify([plugin, value])}`
    // Twice within one consumer is told by checkCredentials.
    if (seen.has(name)) return []
    seen.add(name)
    const taken = (holder: string) => ({
      path,
      message: `consumer "${holder}" has the same ${field} for ${plugin}`,
      remedy: 'give each consumer one of its own',
    })
    return [{ name, taken }]
  })
}

function shownBy({ item, path }: Entry, plugins: PluginLookup): Shown[] {
  const { plugins: own = {}, credentials = {} } = item as Consumer
  const places = [
    [own, path] as const,
    ...Object.entries(credentials as Record<string, Credential>).map(
      ([id, credential]) => [credential.plugins, `${path}/credentials/${pointerPart(id)}`] as const,
    ),
  ]
  return places.flatMap(([set, place]) =>
    Object.entries(set).flatMap(([plugin, config]): Shown[] => {
      const field = plugins.get(plugin)?.consumerKey
      const value = field === undefined ? undefined : config[field]
      if (field === undefined || typeof value !== 'string') return []
      return [{ plugin, field, value, path: `${place}/plugins/${pointerPart(plugin)}/${pointerPart(field)}` }]
    }),
  )
}

const CREDENTIAL_ID = /^[a-zA-Z0-9_.-]{1,64}$/

/** Each credential has one auth plugin, and shows what no other one of its consumer does. */
export function checkCredentials(context: CheckContext, entry: Entry): void {
  const { findings, plugins: lookup } = context
  const credentials = ((entry.item as Consumer).credentials ?? {}) as Record<string, Credential>
  for (const [id, { plugins }] of Object.entries(credentials)) {
    const path = `${entry.path}/credentials/${pointerPart(id)}`
    if (!CREDENTIAL_ID.test(id)) {
      const remedy = 'write at most 64 letters, digits, "-", "_" and "."'
      findings.add({ path, atKey: true, value: shortValue(id), message: 'is no id of a credential', remedy })
    }
    const names = Object.keys(plugins)
    if (names.length !== 1) {
      const message = `a credential has one plugin, and this one ${names.length}`
      findings.add({ path: `${path}/plugins`, message, remedy: 'write one auth plugin; make a credential of each' })
    }
    for (const name of names) {
      const plugin = lookup.get(name)
      if (plugin === undefined || (plugin.type === 'auth' && plugin.consumerSchema !== undefined)) continue
      findings.add({
        path: `${path}/plugins/${pointerPart(name)}`,
        atKey: true,
        message: 'only supports auth type plugins in consumer credential',
        remedy: 'configure it in "plugins" of the consumer',
      })
    }
    checkPluginSet(context, plugins, `${path}/plugins`, true)
  }
  checkRepetition(context, entry)
}

function checkRepetition({ findings, plugins }: CheckContext, entry: Entry): void {
  const places = new Map<string, string>()
  for (const { plugin, field, value, path } of shownBy(entry, plugins)) {
    const key = JSON.stringify([plugin, value])
    const first = places.get(key)
    if (first === undefined) places.set(key, path.slice(entry.path.length))
    else
      findings.add({ path, message: `is the ${field} at ${first} of this consumer`, remedy: 'remove one of the two' })
  }
}
