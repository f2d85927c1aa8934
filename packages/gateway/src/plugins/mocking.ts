/**
 * Answers in place of an upstream that does not exist yet: with a fixed text, or with data made up after a schema.
 *
 * ```yaml
 * plugins:
 *   mocking:
 *     response_status: 200
 *     delay: 1
 *     response_headers: { X-Version: "2" }
 *     response_schema:
 *       type: object
 *       properties:
 *         id: { type: integer }
 *         state: { type: string, enum: [open, closed] }
 *         caller: { type: string, example: "$remote_addr" }
 *         tags: { type: array, items: { type: string } }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/orders/7     # 200, X-Version: 2, Content-Type: application/json, body: "caller":"127.0.0.1", no upstream
 * ```
 *
 * After a second the client reads `{"id":4711,"state":"open","caller":"192.0.2.7","tags":["kqx","b"]}`, other values each time. With
 * `response_example: "{\"id\": 1}"` it reads that text, variables filled in; it goes before `response_schema`.
 *
 * `content_type` says how data is written: as XML for `application/xml` and `text/xml`, else as JSON. A schema may hold `string`, `number`,
 * `integer`, `boolean`, `object` and `array` with their `example`, `enum`, `properties` and `items`; other keywords are ignored.
 *
 * Cost: nothing but the answer; about 1 µs for ten values made up.
 */
import { isFieldValue } from '@sekisho/wire'
import { Type } from '../schema/type.ts'
import type { RequestContext } from '../request-context.ts'
import { compileText } from '../variables/template.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { checkHeaderFields, headerFields } from './rewriting/header-fields.ts'
import { checkMockSchema, compileMockObject, type MockSchema } from './mocking/mock-data.ts'
import { toXml } from './mocking/mock-xml.ts'
import { MAX_PAUSE_SECONDS, pause } from './pause.ts'

const XML_TYPES = new Set(['application/xml', 'text/xml'])
/** As APISIX has them; HTML only for an example, as there is no telling how data would look in it. */
const CONTENT_TYPES = new Set(['application/json', ...XML_TYPES, 'text/plain', 'text/html'])

const schema = Type.Object(
  {
    delay: defaulted(
      Type.Integer({ minimum: 0, maximum: MAX_PAUSE_SECONDS, default: 0, description: 'seconds before the answer' }),
    ),
    // APISIX allows 100 to 199 as well, after which its client waits for another response, in vain.
    response_status: defaulted(
      Type.Integer({ minimum: 200, maximum: 999, default: 200, description: 'status of the answer' }),
    ),
    content_type: defaulted(
      Type.String({
        default: 'application/json;charset=utf8',
        description: 'JSON, XML, plain text or HTML; may have parameters',
      }),
    ),
    response_example: Type.Optional(Type.String({ description: 'body of the answer, with variables' })),
    response_schema: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'JSON Schema of an object; data is made up after it' }),
    ),
    response_headers: Type.Optional(headerFields('fields of the answer')),
    with_mock_header: defaulted(Type.Boolean({ default: true, description: 'add "x-mock-by: Sekisho"' })),
  },
  {
    additionalProperties: false,
    allOf: [
      {
        anyOf: [{ required: ['response_example'] }, { required: ['response_schema'] }],
        errorMessage: 'mocking needs "response_example" or "response_schema"',
      },
    ],
  },
)

export default definePlugin({
  name: 'mocking',
  priority: 10_900,
  schema,
  check(config) {
    const { content_type: contentType, response_example: example, response_schema: data } = config
    const media = mediaType(contentType)
    if (!CONTENT_TYPES.has(media) || !isFieldValue(contentType)) {
      return { path: '/content_type', message: `is not supported; write one of ${[...CONTENT_TYPES].join(', ')}` }
    }
    const fields = checkHeaderFields(config.response_headers, '/response_headers')
    if (fields !== undefined || data === undefined || example !== undefined) return fields
    if (media === 'text/html') {
      return { path: '/content_type', message: 'is for a "response_example" only; for data write "application/json"' }
    }
    return checkMockSchema(data as MockSchema, '/response_schema', XML_TYPES.has(media))
  },
  create(config) {
    const { content_type: contentType, delay, response_status: status } = config
    const headers: Record<string, string> = { 'Content-Type': contentType }
    if (config.with_mock_header) headers['x-mock-by'] = 'Sekisho'
    for (const [name, value] of Object.entries(config.response_headers ?? {})) headers[name] = String(value)
    const body = bodyOf(
      config.response_example,
      config.response_schema as MockSchema | undefined,
      mediaType(contentType),
    )
    return {
      access(session) {
        if (delay > 0) return pause(delay).then(() => session.respond(status, body(session.ctx), headers))
        session.respond(status, body(session.ctx), headers)
        return undefined
      },
    }
  },
})

function bodyOf(
  example: string | undefined,
  schema: MockSchema | undefined,
  media: string,
): (context: RequestContext) => string {
  if (example !== undefined) return compileText(example)
  const make = compileMockObject(schema ?? {})
  return XML_TYPES.has(media) ? (context) => toXml('data', make(context)) : (context) => JSON.stringify(make(context))
}

const mediaType = (contentType: string): string => contentType.split(';', 1)[0].trim().toLowerCase()
