/**
 * Tells the upstream labels of the consumer who calls, in header fields.
 *
 * ```yaml
 * consumers:
 *   - username: jack
 *     labels: { department: devops, company: acme }
 *     plugins: { key-auth: { key: jack-key } }
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       key-auth: {}
 *       attach-consumer-label: { headers: { X-Department: $department, X-Role: $role } }
 * ```
 *
 * ```sh
 * curl -i -H 'apikey: jack-key' http://127.0.0.1:8080/orders/7                     # 200, upstream: X-Department: devops
 * curl -i -H 'apikey: jack-key' -H 'X-Role: root' http://127.0.0.1:8080/orders/7   # 200, no upstream: X-Role
 * ```
 *
 * What a client sends in these fields never reaches the upstream, also where the consumer has no such label, or nobody was
 * recognised. APISIX lets it through then.
 *
 * Costs one header edit for each field, 0.1 µs.
 */
import { handedOnProblem } from '../side-calls/service-fields.ts'
import { Type } from '../schema/type.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    headers: Type.Record(
      Type.String(),
      Type.String({ pattern: '^\\$.', patternErrorMessage: 'must be "$" and the name of a label, as "$department"' }),
      { minProperties: 1, description: 'fields for the upstream, and the label that each has, as `$department`' },
    ),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'attach-consumer-label',
  priority: 2399,
  placeless: true,
  schema,
  check({ headers }) {
    for (const name of Object.keys(headers)) {
      const message = handedOnProblem(name)
      if (message !== undefined) return { path: '/headers', message }
    }
    return undefined
  },
  create({ headers }) {
    const fields = Object.entries(headers).map(([name, label]) => [name, label.slice(1)] as const)
    return {
      access({ ctx, request }) {
        const labels = ctx.consumer?.labels
        for (const [name, label] of fields) {
          const value = labels !== undefined && Object.hasOwn(labels, label) ? labels[label] : undefined
          if (value === undefined) request.headers.delete(name)
          else request.headers.set(name, value)
        }
      },
    }
  },
})
