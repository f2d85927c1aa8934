/**
 * Makes a GraphQL query of a plain request: clients call `GET /orders?id=7`, the upstream gets the query that you wrote.
 *
 * ```yaml
 * routes:
 *   - uri: /hero
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       proxy-rewrite: { uri: /graphql }
 *       degraphql:
 *         query: 'query ($id: ID!) { hero(id: $id) { name } }'
 *         variables: [id]
 * ```
 *
 * ```sh
 * curl -i --json '{"id":"7","more":1}' http://127.0.0.1:8080/hero     # 200, upstream: POST /graphql, body: \"variables\":{\"id\":\"7\"}
 * curl -i 'http://127.0.0.1:8080/hero?id=7'                           # 200, upstream: variables=%7B%22id%22%3A%227%22%7D
 * curl -i -X PUT -d x http://127.0.0.1:8080/hero                      # 405, no upstream
 * curl -i -d 'no JSON' http://127.0.0.1:8080/hero                     # 400, no upstream
 * ```
 *
 * A POST leaves as JSON, `{"query":…,"operationName":…,"variables":{…}}`; a GET with these in its query, in place of what the client sent. `variables` are taken from the
 * JSON object of a POST, or from the query of a GET, where they are texts. Those that are missing are left out. Nothing else of the client's request body or query
 * reaches the upstream. A client cannot change the query: it is not made of texts, and `variables` are values. Other methods are a 405, and so is GET
 * for a mutation: a link must not change anything.
 *
 * The query is checked when the configuration is read, which needs `npm install graphql`. The plugin runs in `access`, with what `proxy-rewrite` made of the path.
 *
 * Costs 4 µs, and more with the length of a body: `max_req_body_size` at most, and a 413 beyond it.
 */
import type { GatewaySession } from '../session.ts'
import { Type } from '../schema/type.ts'
import { contentDecoder } from './compression/content-decoding.ts'
import { operationOf, queryProblem } from './degraphql/operation.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { fieldsByName, formFields } from './form-fields.ts'

const schema = Type.Object(
  {
    query: Type.String({ minLength: 1, maxLength: 1_024, description: 'GraphQL document with the operation' }),
    variables: Type.Optional(
      Type.Array(Type.String(), { minItems: 1, description: 'names of the variables that clients may give' }),
    ),
    operation_name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_024,
        description: 'which operation of the document; needed if it has several',
      }),
    ),
    max_req_body_size: defaulted(
      Type.Integer({
        minimum: 1,
        default: 1_048_576,
        description: 'bytes of a request body, also decompressed; APISIX: 67108864',
      }),
    ),
  },
  { additionalProperties: false },
)

type Fields = Readonly<Record<string, unknown>>

export default definePlugin({
  name: 'degraphql',
  priority: 509,
  placeless: true,
  schema,
  check: ({ query, operation_name: name }) => queryProblem(query, name),
  create({ query, variables: names, operation_name: operationName, max_req_body_size: limit }) {
    const allowed = operationOf(query, operationName) === 'mutation' ? 'POST' : 'GET, POST'
    const fixed = { query, operationName }

    function variablesOf(given: Fields): Fields | undefined {
      if (names === undefined) return undefined
      const found = names.filter((name) => Object.hasOwn(given, name)).map((name) => [name, given[name]] as const)
      return Object.fromEntries(found)
    }

    function get(session: GatewaySession): void {
      const { ctx, request } = session
      const given = names === undefined ? {} : fieldsByName(formFields(queryOf(request.target)) ?? [])
      const parts = { ...fixed, variables: JSON.stringify(variablesOf(given)) }
      const args = Object.entries(parts).filter(([, value]) => value !== undefined)
      const query = args.map(([name, value]) => `${name}=${encodeURIComponent(value as string)}`).join('&')
      ctx.upstreamTarget = `${pathOf(session)}?${query}`
    }

    function post(session: GatewaySession, bytes: Uint8Array): void {
      const { headers } = session.request
      const given = names === undefined ? {} : readObject(bytes, headers.get('content-encoding'), limit)
      if (given === undefined) return session.respond(400, { message: 'the request body is not a JSON object' })
      // Servers of GraphQL prefer a `query` in the address to the one in the body.
      session.ctx.upstreamTarget = pathOf(session)
      headers.delete('content-encoding')
      headers.set('Content-Type', 'application/json')
      session.replaceBody(Buffer.from(JSON.stringify({ ...fixed, variables: variablesOf(given) })))
      return undefined
    }

    return {
      access(session) {
        const { method } = session.ctx
        if (!allowed.includes(method) || (method !== 'GET' && method !== 'POST'))
          return session.respond(405, { message: `the method is not one of ${allowed}` }, { Allow: allowed })
        if (method === 'GET') return get(session)
        if (session.request.bodyLength === 0) return post(session, NOTHING)
        return session.readBody(limit).then((bytes) => post(session, bytes))
      },
    }
  },
})

const NOTHING = new Uint8Array(0)

const pathOf = ({ ctx, request }: GatewaySession): string => (ctx.upstreamTarget ?? request.target).split('?', 1)[0]

const queryOf = (target: string): string => {
  const at = target.indexOf('?')
  return at < 0 ? '' : target.slice(at + 1)
}

/** An object of JSON; an empty body is one without fields. */
function readObject(bytes: Uint8Array, encoding: string | undefined, limit: number): Fields | undefined {
  const decoder = contentDecoder(encoding)
  if (decoder === undefined) return undefined
  try {
    const plain = decoder === null ? bytes : decoder(bytes, limit)
    if (plain.length === 0) return {}
    const value: unknown = JSON.parse(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}
