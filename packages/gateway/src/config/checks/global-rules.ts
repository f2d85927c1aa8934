import type { GlobalRule } from '../../resources/global-rule.ts'
import { pointerPart } from '../problem.ts'
import type { Claim } from './claims.ts'
import type { Entry } from './entry.ts'

/** A plugin may stand in one global rule only: which of two should run, nobody could tell. */
export const globalRuleClaims = ({ item, path }: Entry): readonly Claim[] =>
  Object.keys((item as GlobalRule).plugins).map((name) => ({
    name: `global_rules ${name}`,
    taken: (holder) => ({
      path: `${path}/plugins/${pointerPart(name)}`,
      atKey: true,
      message: `plugin "${name}" already exists in global rule "${holder}"`,
      remedy: 'keep one of them',
    }),
  }))
