/**
 * Looks whether requests are what your API takes, by JSON Schemas for header fields and bodies, and refuses those that are not.
 *
 * ```yaml
 * routes:
 *   - uri: /orders
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       request-validation:
 *         header_schema:
 *           type: object
 *           required: [X-Request-Source]
 *           properties: { X-Request-Source: { type: string, enum: [web, app] } }
 *         body_schema:
 *           type: object
 *           required: [item]
 *           properties:
 *             item: { type: string, pattern: "^[a-z-]{1,40}$" }
 *             count: { type: integer, minimum: 1, default: 1 }
 *           additionalProperties: false
 * ```
 *
 * ```sh
 * curl -i -H 'X-Request-Source: web' --json '{"item":"kite"}' http://127.0.0.1:8080/orders              # 200, body: \"count\":1
 * curl -i --json '{"item":"kite"}' http://127.0.0.1:8080/orders                                         # 400, body: x-request-source
 * curl -i -H 'X-Request-Source: web' --json '{"item":"kite","count":0}' http://127.0.0.1:8080/orders    # 400, body: /count must be >= 1, no upstream
 * curl -i -H 'X-Request-Source: web' --json '{"item":"a","item":"b"}' http://127.0.0.1:8080/orders      # 400, body: twice
 * ```
 *
 * Schemas are of draft-04, 06, 07, 2019-09 or 2020-12; `$ref` leads to within the schema. They are compiled once. Patterns are Perl-compatible, as in APISIX, and one that a client could
 * make run for long is refused when the configuration is read. Formats that are known are checked, others are notes. Keywords nobody knows are notes as well.
 *
 * **Bodies** are JSON, or forms if their content type is `application/x-www-form-urlencoded`: values are texts then, several of one name a list, and `true` without a
 * `=`. A compressed body is decompressed to be looked at. A request without a body does not fit a `body_schema`. The upstream gets the body as it came; where the schema has a
 * `default` for something that is missing, it gets a new one with that filled in (not for defaults behind a `$ref`).
 *
 * **Refused as well** is what readers may understand in different ways: a name that stands twice in an object, bytes that are not UTF-8. And what cannot be
 * looked at in bounded time: a text of more than 8,192 characters where a `pattern` or `format` is asked for, and longer names. More than
 * `max_req_body_size` bytes are a 413.
 *
 * The answer is `rejected_code` with `rejected_msg`, or with what is wrong. Beyond 8,192 characters of a body it does not say where.
 *
 * Costs 2 µs for a small body, and some 50 ms for each MB, during which the worker does nothing else; and 13 MB of memory in each worker.
 */
import { isUtf8 } from 'node:buffer'
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { contentDecoder } from './compression/content-decoding.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { fieldsByName, formFields } from './form-fields.ts'
import { repeatedName } from './request-validation/repeated-name.ts'
import { SchemaCheck } from './request-validation/schema-check.ts'
import { SchemaError } from './request-validation/user-schema.ts'

const userSchema = (of: string) =>
  Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: `JSON Schema of ${of}` }))

const schema = Type.Object(
  {
    header_schema: userSchema(
      'the header fields: an object of texts by name (in any case), lists where a field is there twice',
    ),
    body_schema: userSchema('the body'),
    max_req_body_size: defaulted(
      Type.Integer({
        minimum: 1,
        default: 1_048_576,
        description: 'bytes of a body, also decompressed; APISIX: 67108864',
      }),
    ),
    rejected_code: defaulted(
      Type.Integer({ minimum: 200, maximum: 599, default: 400, description: 'status of the refusal' }),
    ),
    rejected_msg: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: 'its body; left out: what is wrong' }),
    ),
  },
  {
    additionalProperties: false,
    anyOf: [{ required: ['header_schema'] }, { required: ['body_schema'] }],
    errorMessage: 'needs "header_schema" or "body_schema"',
  },
)

export default definePlugin({
  name: 'request-validation',
  priority: 2_800,
  placeless: true,
  schema,
  check(config) {
    for (const part of ['header_schema', 'body_schema'] as const) {
      const written = config[part]
      if (written === undefined) continue
      try {
        new SchemaCheck(written, part === 'header_schema')
      } catch (error) {
        if (error instanceof SchemaError) return { path: `/${part}${error.pointer}`, message: error.message }
        return { path: `/${part}`, message: `is not a schema that can be compiled: ${(error as Error).message}` }
      }
    }
    return undefined
  },
  create(config) {
    const { rejected_code: code, rejected_msg: message, max_req_body_size: limit } = config
    const headerCheck = config.header_schema && new SchemaCheck(config.header_schema, true)
    const bodyCheck = config.body_schema && new SchemaCheck(config.body_schema)
    const refuse = (session: GatewaySession, problem: string): void => session.respond(code, message ?? problem)

    function validateBody(session: GatewaySession, bytes: Uint8Array): void {
      const { headers } = session.request
      const decoder = contentDecoder(headers.get('content-encoding'))
      if (decoder === undefined) return refuse(session, 'the body is compressed in a way that is not known here')
      let plain = bytes
      try {
        if (decoder !== null) plain = decoder(bytes, limit)
      } catch {
        return refuse(session, 'the body cannot be decompressed, or is too large then')
      }
      if (!isUtf8(plain)) return refuse(session, 'the body is not UTF-8')
      const text = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString()
      const isForm = FORM.test(headers.get('content-type') ?? '')
      const read = isForm ? readForm(text) : readJson(text)
      if ('problem' in read) return refuse(session, `the body ${read.problem}`)
      const filled = bodyCheck!.filled(read.value)
      const wrong = bodyCheck!.problem(filled, text.length)
      if (wrong !== undefined) return refuse(session, `the body: ${wrong}`)
      if (filled === read.value) return undefined
      const [before, after] = isForm
        ? [text, formText(filled as Fields)]
        : [JSON.stringify(read.value), JSON.stringify(filled)]
      const changed = isForm ? formText(read.value as Fields) !== after : before !== after
      if (!changed) return undefined
      headers.delete('content-encoding')
      session.replaceBody(Buffer.from(after))
      return undefined
    }

    return {
      rewrite(session) {
        const { request } = session
        if (headerCheck !== undefined) {
          const { block } = request.headers
          const fields = headerCheck.filled(fieldsOf(session))
          const wrong = headerCheck.problem(fields, block.length)
          if (wrong !== undefined) return refuse(session, `header fields: ${wrong}`)
        }
        if (bodyCheck === undefined) return undefined
        if (request.bodyLength === 0) return refuse(session, 'the request has no body')
        return session.readBody(limit).then((bytes) => validateBody(session, bytes))
      },
    }
  },
})

type Fields = Readonly<Record<string, unknown>>
type Read = { readonly value: unknown } | { readonly problem: string }

const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i

function readJson(text: string): Read {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { problem: 'is not JSON' }
  }
  const repeated = repeatedName(text)
  return repeated === undefined ? { value } : { problem: repeated }
}

function readForm(text: string): Read {
  const fields = formFields(text)
  return fields === undefined ? { problem: 'has too many fields' } : { value: fieldsByName(fields) }
}

function formText(fields: Fields): string {
  const pairs = Object.entries(fields).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, value] as const),
  )
  const encoded = pairs.map(([name, value]) => {
    const key = encodeURIComponent(name)
    return value === true
      ? key
      : `${key}=${encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value))}`
  })
  return encoded.join('&')
}

/** Header fields by name in lower case. Without a prototype: `constructor` is a name as any other. */
function fieldsOf({ request }: GatewaySession): Fields {
  const fields = Object.create(null) as Record<string, string | string[]>
  for (const [written, value] of request.headers.entries()) {
    const name = written.toLowerCase()
    const known = fields[name]
    if (known === undefined) fields[name] = value
    else if (typeof known === 'string') fields[name] = [known, value]
    else known.push(value)
  }
  return fields
}
