/**
 * Lets callers on by the labels of their consumer, or by the groups that an identity provider says of them.
 *
 * ```yaml
 * consumers:
 *   - username: jack
 *     labels: { team: "platform,orders" }
 *     plugins: { key-auth: { key: jack-key } }
 *   - username: rose
 *     labels: { team: sales, status: suspended }
 *     plugins: { key-auth: { key: rose-key } }
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       key-auth: {}
 *       acl:
 *         allow_labels: { team: [orders, sales] }
 *         deny_labels: { status: [suspended] }
 * ```
 *
 * ```sh
 * curl -i -H 'apikey: jack-key' http://127.0.0.1:8080/orders/7    # 200
 * curl -i -H 'apikey: rose-key' http://127.0.0.1:8080/orders/7    # 403, no upstream
 * curl -i http://127.0.0.1:8080/orders/7                          # 401
 * ```
 *
 * A caller with one value of one label of `deny_labels` may not. With `allow_labels` a caller must have one value of one of
 * them. A label is one value, several with commas between, or a JSON list of them. A caller whom no plugin recognised gets 401.
 *
 * Of a caller who is no consumer, but a user of an identity provider (`openid-connect`), the claim at `external_user_label_field` counts, under that name
 * or `external_user_label_field_key`: `groups`, or a path as `$.realm_access.roles`. `external_user_label_field_parser` says how it is
 * written; left out, it is told by its look. What is not written so is no value: with `allow_labels` the user may not.
 *
 * Costs 0.05 µs for a consumer: what its labels come to is remembered until they change. For a user of a provider 1 µs.
 */
import type { Consumer } from '../consumers/consumer-directory.ts'
import { compileRegularExpression } from '../expressions/index.ts'
import { needsOneOf } from '../resources/constraints.ts'
import { Type } from '../schema/type.ts'
import { claimReader } from './acl/claim-path.ts'
import { fromAny, type ValueReader, valueReader } from './acl/label-values.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'

const labels = (description: string) =>
  Type.Optional(
    Type.Record(Type.String(), Type.Array(Type.String(), { minItems: 1 }), { minProperties: 1, description }),
  )

const schema = Type.Object(
  {
    allow_labels: labels('labels and their values, one of which a caller must have'),
    deny_labels: labels('labels and their values, none of which a caller may have'),
    external_user_label_field: defaulted(
      Type.String({ default: 'groups', minLength: 1, description: 'the claim of a user that holds the values' }),
    ),
    external_user_label_field_key: Type.Optional(
      Type.String({ minLength: 1, description: 'the label that it counts as; left out: as the claim is called' }),
    ),
    external_user_label_field_parser: Type.Optional(
      Type.Enum(['segmented_text', 'json', 'table'], {
        description: '`segmented_text`: text with a separator; `json`: a list as text; `table`: a list',
      }),
    ),
    external_user_label_field_separator: Type.Optional(
      Type.String({ minLength: 1, description: 'regular expression of what stands between the values of a text' }),
    ),
    rejected_code: defaulted(
      Type.Integer({ minimum: 200, maximum: 599, default: 403, description: 'status for those who may not' }),
    ),
    rejected_msg: Type.Optional(Type.String({ description: '"message" in the body for those who may not' })),
  },
  { additionalProperties: false, allOf: [needsOneOf('"acl"', ['allow_labels', 'deny_labels'])] },
)

const PARSER = '/external_user_label_field_parser'
const SEPARATOR = '/external_user_label_field_separator'

export default definePlugin({
  name: 'acl',
  priority: 2410,
  placeless: true,
  schema,
  check({ external_user_label_field: field, external_user_label_field_parser: parser, ...config }) {
    const { external_user_label_field_separator: separator } = config
    if (claimReader(field) === undefined) {
      const message = 'is more than a path to one value; write it as "groups", "$.a.b" or "$[\'a\'][0]"'
      return { path: '/external_user_label_field', message }
    }
    if (parser === 'segmented_text' && separator === undefined)
      return { path: PARSER, message: 'is "segmented_text", and "external_user_label_field_separator" is missing' }
    if (separator === undefined) return undefined
    if (parser !== 'segmented_text')
      return { path: SEPARATOR, message: 'is for the parser "segmented_text" alone; name that, or remove it' }
    return expressionProblem(SEPARATOR, () => compileRegularExpression(separator, false, ''))
  },
  create({ external_user_label_field: field, external_user_label_field_parser: parser, ...config }) {
    const {
      external_user_label_field_separator: separator = ',',
      rejected_code: status,
      rejected_msg: message,
    } = config
    const allowed = wantedLabels(config.allow_labels)
    const denied = wantedLabels(config.deny_labels)
    const body = { message: message ?? 'this caller may not do this' }
    const readClaim = claimReader(field)!
    const readValues = valueReader(parser, compileRegularExpression(separator, false, SEPARATOR))
    const label = config.external_user_label_field_key ?? field
    // A consumer that changes is another object.
    const verdicts = new WeakMap<Consumer, boolean>()

    function mayPass(written: Readonly<Record<string, unknown>>, read: ValueReader): boolean {
      if (denied !== undefined && hasOne(denied, written, read)) return false
      return allowed === undefined || hasOne(allowed, written, read)
    }

    function consumerMayPass(consumer: Consumer): boolean {
      let verdict = verdicts.get(consumer)
      if (verdict === undefined) verdicts.set(consumer, (verdict = mayPass(consumer.labels ?? {}, fromAny)))
      return verdict
    }

    return {
      access(session) {
        const { consumer, externalUser } = session.ctx
        if (consumer === undefined && externalUser === undefined)
          return session.respond(401, { message: 'nobody recognised the caller' })
        const passes =
          consumer !== undefined ? consumerMayPass(consumer) : mayPass({ [label]: readClaim(externalUser) }, readValues)
        return passes ? undefined : session.respond(status, body)
      },
    }
  },
})

type Wanted = ReadonlyMap<string, ReadonlySet<unknown>>

const wantedLabels = (written: Readonly<Record<string, readonly string[]>> | undefined): Wanted | undefined =>
  written && new Map(Object.entries(written).map(([name, values]) => [name, new Set<unknown>(values)]))

function hasOne(wanted: Wanted, written: Readonly<Record<string, unknown>>, read: ValueReader): boolean {
  for (const [name, values] of wanted) {
    if (!Object.hasOwn(written, name)) continue
    for (const value of read(written[name])) if (values.has(value)) return true
  }
  return false
}
