import { REDIS_POLICIES, redisOptions } from '../../redis/index.ts'
import { Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'

/** Options that all limits have. */
export const limitOptions = {
  policy: defaulted(
    Type.Enum(['local', ...REDIS_POLICIES], {
      default: 'local',
      description:
        'where the counters are kept: "local" is this node, exact across its workers; the others are shared by all nodes',
    }),
  ),
  rejected_code: defaulted(
    Type.Integer({
      minimum: 200,
      maximum: 599,
      default: 503,
      description: 'status of the answer to a request over the limit',
    }),
  ),
  rejected_msg: Type.Optional(
    Type.String({ minLength: 1, description: 'what that answer says, as {"error_msg": "…"}' }),
  ),
  allow_degradation: Type.Optional(
    Type.Boolean({
      description:
        'what becomes of requests that cannot be counted: true lets them pass, false answers 500. Left out: they pass while Redis is away, and get 500 when a number of theirs is none',
    }),
  ),
  redis_fallback: Type.Optional(
    Type.Enum(['none', 'local'], {
      description:
        'while Redis is away: "local" counts by this node alone, "none" (unless given) does what allow_degradation says',
    }),
  ),
  ...redisOptions,
}

/** The fields of one limit, or a list of rules. */
export function limitOrRules(plugin: string, fields: readonly string[]) {
  const quoted = fields.map((field) => `"${field}"`)
  return {
    anyOf: [{ required: [...fields] }, { required: ['rules'] }],
    errorMessage: `${plugin} needs ${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}, or "rules"`,
  }
}
