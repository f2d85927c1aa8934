/**
 * Lets clients reach what a plugin answers itself, as `/apisix/prometheus/metrics` of `prometheus`.
 *
 * ```yaml
 * routes:
 *   - uri: /internal/metrics
 *     plugins:
 *       public-api: { uri: /apisix/prometheus/metrics }
 *       ip-restriction: { whitelist: [127.0.0.0/8] }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/internal/metrics                           # 200, body: # TYPE sekisho_
 * curl -i -X POST http://127.0.0.1:8080/internal/metrics                   # 404
 * curl -i http://127.0.0.1:8080/apisix/prometheus/metrics                  # 404: no route leads there
 * ```
 *
 * No plugin is reached from outside unless a route says so by this one, and that route decides who may: put an auth
 * plugin or `ip-restriction` beside it. Without `uri` the path of the request is what is looked for. A path that no plugin
 * of this node has, and a method that it does not take, are answered 404. The route needs no upstream.
 *
 * Costs one Map look-up, and what the answer costs.
 */
import { Type } from '../schema/type.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    uri: Type.Optional(
      Type.String({
        minLength: 1,
        pattern: '^/',
        patternErrorMessage: 'must start with "/"',
        description: 'path of what is to answer; left out: the path of the request',
      }),
    ),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'public-api',
  priority: 501,
  placeless: true,
  schema,
  create({ uri }, { api }) {
    return {
      access(session) {
        const answer = api(session.ctx.method, uri ?? session.ctx.path)
        if (answer !== undefined) return answer(session)
        return session.respond(404, { error_msg: '404 Route Not Found' })
      },
    }
  },
})
