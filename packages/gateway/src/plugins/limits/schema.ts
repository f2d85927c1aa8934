import { Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'

/** Options that all limits have. */
export const limitOptions = {
  policy: defaulted(
    Type.String({
      default: 'local',
      pattern: '^local$',
      patternErrorMessage: 'is not available in this version: only "local", the counters of this node, is',
      remedy: 'write "local", or leave it out',
      description: 'where the counters are kept: "local" is this node, exact across its workers',
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
  allow_degradation: defaulted(
    Type.Boolean({ default: false, description: 'let requests pass that cannot be counted, instead of answering 500' }),
  ),
}

/** The fields of one limit, or a list of rules. */
export function limitOrRules(plugin: string, fields: readonly string[]) {
  const quoted = fields.map((field) => `"${field}"`)
  return {
    anyOf: [{ required: [...fields] }, { required: ['rules'] }],
    errorMessage: `${plugin} needs ${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}, or "rules"`,
  }
}
