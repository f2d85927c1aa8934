/**
 * Makes another body of a request or a response by a template: JSON for an upstream that speaks SOAP, and back.
 *
 * ```yaml
 * routes:
 *   - uri: /countries
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       proxy-rewrite: { headers: { set: { Content-Type: text/xml } } }
 *       body-transformer:
 *         request:
 *           input_format: json
 *           template: |
 *             <getCountry><name>{*_escape_xml(name)*}</name>{% for _, tag in ipairs(tags or context) do %}<tag>{*_escape_xml(tag)*}</tag>{% end %}</getCountry>
 *         response:
 *           input_format: json
 *           template: '{"asked":{*_escape_json(body)*},"status":{{_ctx.var.status}}}'
 * ```
 *
 * ```sh
 * curl -i --json '{"name":"Chile & co","tags":["a","b"]}' http://127.0.0.1:8080/countries   # 200, body: <name>Chile &amp; co</name><tag>a</tag><tag>b</tag>
 * curl -i --json '{"name":' http://127.0.0.1:8080/countries                                 # 400, body: request body is not JSON, no upstream
 * ```
 *
 * **Input.** `input_format` says how the body is read; left out, its content type does, and `args` (the query) is what every GET request is read as.
 * The names in a template are those of the input. Of XML, elements are there by name, without namespaces: text, an object, or a list of
 * several; attributes (also `xmlns`) in `_attr`, and text beside attributes as `[1]`. Of forms, fields that occur several times are lists. `_body` is the body
 * as it came, `context` the whole input, `_ctx.var.NAME` a [variable](../routing.md#variables). A body with a DOCTYPE is refused.
 *
 * **Templates** are those of lua-resty-template. `{{x}}` writes a value, escaped for HTML, `{*x*}` as it is; in JSON and XML write `{*_escape_json(x)*}` (with its
 * quotes) and `{*_escape_xml(x)*}`, or a value can say more than you think. `{% if a == 1 then %} … {% elseif … then %} … {% else %} … {% end %}`,
 * `{% for i, x in ipairs(list) do %} … {% end %}`, `pairs(…)`, `for i = 1, 3 do` and `local x = …` are there, and the operators of Lua. `{# … #}` is a
 * comment. Functions are `tostring`, `tonumber`, `type`, `table.concat`, `math.floor`, `math.ceil`, and `upper`, `lower`, `len` and `sub` of `string`. Any other
 * Lua (functions, `require`, assignments, `_multipart`) is refused when the configuration is read: do that in JavaScript, with serverless-pre-function. `null` of JSON is `nil`.
 *
 * **What fails**: a request that is not what `input_format` says is a 400, one that a template cannot be filled in with (it asks for a
 * field of something that is not there) a 503. A response for which either is true is a 502: the body that the template would have changed does not leave, as it
 * does in APISIX. Answers of the gateway itself (401, 429) that a template cannot be filled in with leave as they are. Bodies are kept in memory,
 * up to `max_req_body_size` (more is a 413) and `max_resp_body_size` (more is a 502; APISIX cuts it). Compressed bodies are decompressed first.
 * Loops end after 1,000,000 rounds, or when 16 million characters were worked on.
 *
 * Costs 3 µs for small bodies, and some 50 ms for each MB (XML: 100 ms), during which the worker does nothing else.
 */
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import type { PluginContext } from './context.ts'
import { BodyTransformation, compileTemplate, type Transformed } from './body-transformer/transformation.ts'
import { INPUT_FORMATS } from './body-transformer/input.ts'
import { contentDecoder } from './compression/content-decoding.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin, type PluginHooks } from './definition.ts'
import { TemplateError } from './lua-template/template-error.ts'
import { FIELDS_OF_BODY } from './response-rewrite.ts'

/** APISIX keeps 64 MiB: some seconds of a worker. */
const DEFAULT_MAX_BYTES = 1_048_576

const transformation = (of: string) =>
  Type.Optional(
    Type.Object(
      {
        input_format: Type.Optional(
          Type.Enum([...INPUT_FORMATS], { description: 'how the body is read; left out: by its content type' }),
        ),
        template: Type.String({ description: `what the ${of} becomes` }),
        template_is_base64: Type.Optional(
          Type.Boolean({ description: '`template` is in base64; left out: if it looks like it' }),
        ),
      },
      { additionalProperties: false, description: `changes the ${of}` },
    ),
  )

const maxBytes = (of: string) =>
  defaulted(
    Type.Integer({
      minimum: 1,
      default: DEFAULT_MAX_BYTES,
      description: `bytes of a ${of} body, also decompressed, and of what becomes of it; APISIX: 67108864`,
    }),
  )

const schema = Type.Object(
  {
    request: transformation('request body'),
    response: transformation('response body'),
    max_req_body_size: maxBytes('request'),
    max_resp_body_size: maxBytes('response'),
  },
  {
    additionalProperties: false,
    anyOf: [{ required: ['request'] }, { required: ['response'] }],
    errorMessage: 'needs "request" or "response"',
  },
)
type Config = Static<typeof schema>

const NAME = 'body-transformer'

export default definePlugin({
  name: NAME,
  priority: 1_080,
  schema,
  check(config) {
    for (const part of ['request', 'response'] as const) {
      const written = config[part]
      if (written === undefined) continue
      try {
        compileTemplate(written)
      } catch (error) {
        if (error instanceof TemplateError) return { path: `/${part}/template`, message: error.message }
        throw error
      }
    }
    return undefined
  },
  create(config, context): PluginHooks {
    const key = `${NAME}/${++instances}`
    return { ...requestHooks(config, context, key), ...responseHooks(config, context, key) }
  },
})

let instances = 0

/** @param key of what is kept of a request */
function requestHooks(config: Config, context: PluginContext, key: string): PluginHooks {
  if (config.request === undefined) return {}
  const transformation = new BodyTransformation('request', config.request, config.max_req_body_size, context)
  const isGet = ({ ctx }: GatewaySession): boolean => ctx.method === 'GET'

  function transform(session: GatewaySession, bytes: Uint8Array | undefined): void {
    const { headers, target } = session.request
    const decoder = contentDecoder(headers.get('content-encoding'))
    if (decoder === undefined) return refuse(session, 415, 'request body is compressed in a way that is not known here')
    const at = target.indexOf('?')
    const result = transformation.apply(session.ctx, bytes, {
      decoder,
      contentType: headers.get('content-type'),
      query: at < 0 ? '' : target.slice(at + 1),
      format: isGet(session) ? 'args' : undefined,
    })
    if (typeof result !== 'string') return refuse(session, result.status, result.message)
    headers.delete('content-encoding')
    session.replaceBody(Buffer.from(result))
    return undefined
  }

  function refuse(session: GatewaySession, status: number, message: string): void {
    // Not to be made something else by the template for responses.
    session.ctx.setState(key, REFUSED)
    session.respond(status, { message })
  }

  return {
    rewrite(session) {
      if (session.request.bodyLength === 0) return transform(session, undefined)
      return session.readBody(config.max_req_body_size).then((bytes) => transform(session, bytes))
    },
  }
}

/** A response body, until it is whole. */
interface Kept {
  readonly chunks: Buffer[]
  size: number
}

function responseHooks(config: Config, context: PluginContext, key: string): PluginHooks {
  if (config.response === undefined) return {}
  const limit = config.max_resp_body_size
  const transformation = new BodyTransformation('response', config.response, limit, context)

  function transformed(session: GatewaySession, bytes: Buffer): Transformed {
    const headers = session.response!.headers
    const decoder = contentDecoder(headers.get('content-encoding'))
    if (decoder === undefined)
      return { status: 502, message: 'response body is compressed in a way that is not known here' }
    const { target } = session.request
    const at = target.indexOf('?')
    const query = at < 0 ? '' : target.slice(at + 1)
    const contentType = headers.get('content-type')
    return transformation.apply(session.ctx, bytes, { decoder, contentType, query, format: undefined })
  }

  return {
    headerFilter(session) {
      const { status } = session.response!
      const refused = session.ctx.getState(key) === REFUSED
      session.ctx.setState(key, undefined)
      if (refused || status < 200 || status === 204 || status === 304 || session.ctx.method === 'HEAD') return
      session.ctx.setState(key, { chunks: [], size: 0 } satisfies Kept)
      session.holdResponse(session.responseSource === 'local' ? Infinity : limit)
    },
    bodyFilter(session, chunk, end) {
      const kept = session.ctx.getState<Kept>(key)
      if (kept === undefined) return undefined
      kept.size += chunk.length
      if (chunk.length > 0) kept.chunks.push(Buffer.from(chunk))
      const isTooLarge = kept.size > limit
      if (!end && !isTooLarge) return NOTHING
      session.ctx.setState(key, undefined)
      // More than `holdResponse` holds: it fails with a 502.
      if (!end) return Buffer.concat(kept.chunks)
      const whole = kept.chunks.length === 1 ? kept.chunks[0] : Buffer.concat(kept.chunks)
      const result = isTooLarge ? TOO_LARGE : transformed(session, whole)
      // What the gateway itself says need not be what the template is for.
      if (typeof result !== 'string' && session.responseSource === 'local') return whole
      const response = session.response!
      for (const name of FIELDS_OF_BODY) response.headers.delete(name)
      if (typeof result === 'string') return Buffer.from(result)
      response.status = 502
      response.reason = ''
      response.headers.set('Content-Type', 'application/json')
      return Buffer.from(JSON.stringify({ message: 'the response could not be transformed' }))
    },
  }
}

const TOO_LARGE: Transformed = { status: 502, message: 'too large' }
const REFUSED = 'refused'
const NOTHING = new Uint8Array(0)
