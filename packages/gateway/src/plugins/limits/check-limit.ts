import { checkRedis, type RedisSettings } from '../../redis/index.ts'
import type { ConfigProblem } from '../definition.ts'
import { namesVariables } from './text.ts'
import { checkNumber } from './whole-number.ts'

/** A number of a limit: its field, and the least that it may be. */
export type NumberField<Name extends string> = readonly [field: Name, minimum: 0 | 1]

type Numbers<Name extends string> = { readonly [Field in Name]?: number | string | undefined }

/** What is wrong with the numbers of a limit or of its rules, or with a rule's key. */
export function checkLimit<Name extends string>(
  config: Numbers<Name> & { readonly rules?: readonly (Numbers<Name> & { readonly key: string })[] | undefined },
  fields: readonly NumberField<Name>[],
): ConfigProblem | undefined {
  const top = checkNumbers(config, fields, '')
  if (top !== undefined) return top
  for (const [index, rule] of (config.rules ?? []).entries()) {
    const path = `/rules/${index}`
    const wrong = checkNumbers(rule, fields, path)
    if (wrong !== undefined) return wrong
    if (!namesVariables(rule.key)) {
      const message = 'has no variable, so the rule would never apply; write "$remote_addr", say'
      return { path: `${path}/key`, message }
    }
  }
  return undefined
}

function checkNumbers<Name extends string>(
  numbers: Numbers<Name>,
  fields: readonly NumberField<Name>[],
  path: string,
): ConfigProblem | undefined {
  for (const [field, minimum] of fields) {
    const wrong = checkNumber(numbers[field], minimum, `${path}/${field}`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** What is wrong with the place of the counters. */
export function checkPolicy(
  config: RedisSettings & { readonly policy: string; readonly redis_fallback?: string | undefined },
): ConfigProblem | undefined {
  const { policy, redis_fallback: fallback } = config
  if (policy === 'local' && fallback !== undefined)
    return { path: '/redis_fallback', message: 'has no effect with policy "local"; leave it out' }
  return checkRedis(policy, config)
}
