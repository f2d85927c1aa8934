import type { Consumer } from '../../resources/consumer.ts'
import { pointerPart } from '../problem.ts'
import type { CheckContext } from './entry.ts'

/** The value that finds a consumer must find one only, for each auth plugin. The value is a secret, so it is not shown. */
export function checkConsumerKeys({ entries, plugins, findings }: CheckContext): void {
  const owners = new Map<string, string>()
  for (const { kind, id, item, path } of entries) {
    if (kind !== 'consumers') continue
    for (const [name, config] of Object.entries((item as Consumer).plugins ?? {})) {
      const field = plugins.get(name)?.consumerKey
      const value = field === undefined ? undefined : config[field]
      if (field === undefined || typeof value !== 'string') continue
      const key = JSON.stringify([name, value])
      const owner = owners.get(key)
      if (owner === undefined) owners.set(key, id)
      else {
        findings.add({
          path: `${path}/plugins/${pointerPart(name)}/${pointerPart(field)}`,
          message: `consumer "${owner}" has the same ${field} for ${name}`,
          remedy: 'give each consumer one of its own',
        })
      }
    }
  }
}
