import type { GlobalRule } from '../../resources/global-rule.ts'
import { pointerPart } from '../problem.ts'
import type { CheckContext } from './entry.ts'

/** A plugin may stand in one global rule only: which of two should run, nobody could tell. */
export function checkGlobalRules({ entries, findings }: CheckContext): void {
  const owners = new Map<string, string>()
  for (const { kind, id, item, path } of entries) {
    if (kind !== 'global_rules') continue
    for (const name of Object.keys((item as GlobalRule).plugins)) {
      const owner = owners.get(name)
      if (owner === undefined) owners.set(name, id)
      else {
        findings.add({
          path: `${path}/plugins/${pointerPart(name)}`,
          atKey: true,
          message: `plugin "${name}" already exists in global rule "${owner}"`,
          remedy: 'keep one of them',
        })
      }
    }
  }
}
