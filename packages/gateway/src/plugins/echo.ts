/**
 * Puts text before or behind the body of a response, or in its place: for trying things out.
 *
 * ```yaml
 * plugins:
 *   echo: { before_body: "<!-- ", body: hello, after_body: " -->", headers: { X-Echo: "1" } }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/     # 200, X-Echo: 1, body: <!-- hello -->
 * ```
 *
 * Whatever the upstream answers, its client reads `<!-- hello -->`. Without `body` the upstream's own stands between the two. Fields that
 * told of the old body (`Content-Length`, `Content-Encoding`, `ETag`, `Last-Modified`) are taken out. A compressed body stays as it is,
 * unless `body` replaces it: text cannot be put around it.
 *
 * Cost: a copy of the first and the last piece of a body; the other pieces pass as they are.
 */
import { Type } from '../schema/type.ts'
import { definePlugin } from './definition.ts'
import { checkHeaderFields, headerFields } from './rewriting/header-fields.ts'

const schema = Type.Object(
  {
    before_body: Type.Optional(Type.String({ description: 'text before the body' })),
    body: Type.Optional(Type.String({ description: "text in place of the upstream's body" })),
    after_body: Type.Optional(Type.String({ description: 'text behind the body' })),
    headers: Type.Optional(headerFields('fields of the response, in place of those it has')),
  },
  {
    additionalProperties: false,
    allOf: [
      {
        anyOf: [{ required: ['before_body'] }, { required: ['body'] }, { required: ['after_body'] }],
        errorMessage: 'echo needs one of "before_body", "body" or "after_body"',
      },
    ],
  },
)

/** How far a body is. */
const UNTOUCHED = 'untouched'
const BEGUN = 'begun'
type Progress = typeof UNTOUCHED | typeof BEGUN | undefined

const EMPTY = Buffer.alloc(0)
/** What described the old body. */
const OF_THE_BODY = ['content-length', 'content-encoding', 'etag', 'last-modified']

export default definePlugin({
  name: 'echo',
  priority: 412,
  placeless: true,
  schema,
  check: ({ headers }) => checkHeaderFields(headers, '/headers'),
  create({ before_body: before = '', body, after_body: after = '', headers: fields = {} }, { scope }) {
    const state = `echo ${scope}`
    const names = Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)])
    const first = Buffer.from(before)
    const last = Buffer.from(after)
    const whole = body === undefined ? undefined : Buffer.from(before + body + after)
    return {
      headerFilter({ response, ctx }) {
        if (response === undefined) return
        const { headers, status } = response
        const isKept = status === 304 || status === 204 || (whole === undefined && headers.has('content-encoding'))
        if (isKept) ctx.setState(state, UNTOUCHED)
        else for (const name of OF_THE_BODY) headers.delete(name)
        for (const [name, value] of names) headers.set(name, value)
      },
      bodyFilter({ ctx }, chunk, end) {
        const progress = ctx.getState<Progress>(state)
        if (progress === UNTOUCHED) return undefined
        if (progress === undefined && !end) ctx.setState(state, BEGUN)
        if (whole !== undefined) return progress === undefined ? whole : EMPTY
        const isFirst = progress === undefined && first.length > 0
        const isLast = end && last.length > 0
        if (!isFirst && !isLast) return undefined
        return Buffer.concat([isFirst ? first : EMPTY, chunk, isLast ? last : EMPTY])
      },
    }
  },
})
