/**
 * Sends a copy of requests to another host, and forgets its answers: to try a new version with real traffic.
 *
 * ```yaml
 * routes:
 *   - uri: /orders/*
 *     upstream_id: shop
 *     plugins:
 *       proxy-mirror: { host: "http://127.0.0.1:9300", path: /shadow, path_concat_mode: prefix }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/orders/7?a=1 -d 'an order'     # 200, upstream: POST /orders/7?a=1
 * # with: http-sink at 127.0.0.1:9300
 * # http-sink got: POST /shadow/orders/7?a=1
 * # http-sink got: an order
 * ```
 *
 * The copy has the method, fields and body of the request as its first attempt goes to the upstream, behind `proxy-rewrite`. `path` takes the place of its
 * path, or stands before it. What is answered from a cache or by a plugin is not copied, neither are WebSockets.
 *
 * **The mirror cannot hurt.** Nobody waits for it. A copy has 10 seconds; at most 1,000 are under way in a worker, with at most 16 MB of bodies, each of at most 1 MB: what
 * comes beyond is not copied. All of it is counted in `sekisho_plugin_calls_total`, and the log tells when the mirror begins and ceases to fail.
 *
 * Costs some 10 µs for each copy; nothing but a random number for a request that `sample_ratio` leaves out.
 */
import { removeHopByHop } from '@sekisho/wire'
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { Mirror } from './proxy-mirror/mirror.ts'

const schema = Type.Object(
  {
    host: Type.String({
      pattern: '^(http(s)?|grpc(s)?):\\/\\/([\\da-zA-Z.-]+|\\[[\\da-fA-F:]+\\])(:\\d+)?$',
      patternErrorMessage: 'must be "http://HOST:PORT", or the same with https, grpc or grpcs',
      description: 'where copies go',
    }),
    path: Type.Optional(
      Type.String({
        pattern: '^/[^?&]+$',
        patternErrorMessage: 'must be a path without query, as "/shadow"',
        description: 'path of the copies; left out: that of the request',
      }),
    ),
    path_concat_mode: defaulted(
      Type.Enum(['replace', 'prefix'], {
        default: 'replace',
        description: '`path` takes the place of the path of the request, or stands before it',
      }),
    ),
    sample_ratio: defaulted(
      Type.Number({
        minimum: 0.00001,
        maximum: 1,
        default: 1,
        description: 'part of the requests that is copied, by chance',
      }),
    ),
  },
  { additionalProperties: false },
)

/** A request on its way to the mirror. */
interface Copying {
  readonly target: string
  readonly chunks: Buffer[]
}

export default definePlugin({
  name: 'proxy-mirror',
  priority: 1010,
  schema,
  check: ({ host }) =>
    URL.canParse(host.replace(/^grpc/, 'http'))
      ? undefined
      : { path: '/host', message: 'is not a URL; write "http://HOST:PORT"' },
  create({ host, path, path_concat_mode: mode, sample_ratio: ratio }, context) {
    const mirror = new Mirror(host, context)
    // A global rule and a route may both have one.
    const state = `proxy-mirror ${context.scope}`

    const targetOf = (target: string): string => {
      if (path === undefined) return target
      if (mode === 'prefix') return path + target
      const query = target.indexOf('?')
      return query < 0 ? path : path + target.slice(query)
    }

    const send = (session: GatewaySession, target: string, body: Buffer | undefined): void => {
      const { ctx, request } = session
      const headers = request.headers.clone()
      if (request.hopByHop) removeHopByHop(headers)
      for (const name of ['content-length', 'transfer-encoding', 'expect']) headers.delete(name)
      for (const [name, value] of Object.entries(ctx.upstreamFields ?? {})) {
        if (value === undefined) headers.delete(name)
        else headers.set(name, value)
      }
      headers.set('Host', ctx.upstreamHost ?? request.host)
      mirror.send(ctx.upstreamMethod ?? request.method, target, headers, body)
    }

    return {
      balancer(session) {
        const { ctx, request } = session
        if (session.attempts > 1 || request.upgrade || (ratio < 1 && Math.random() >= ratio)) return
        const target = targetOf(ctx.upstreamTarget ?? request.target)
        if (request.bodyLength === 0) send(session, target, undefined)
        else ctx.setState(state, { target, chunks: [] } satisfies Copying)
      },
      requestBody(session, chunk, end) {
        const { ctx } = session
        const copying = ctx.getState<Copying>(state)
        if (copying === undefined) return undefined
        if (chunk.length > 0) {
          if (mirror.take(copying.chunks, chunk)) copying.chunks.push(Buffer.from(chunk))
          else ctx.setState(state, undefined)
        }
        if (!end || ctx.getState(state) === undefined) return undefined
        ctx.setState(state, undefined)
        send(session, copying.target, mirror.whole(copying.chunks))
        return undefined
      },
      log({ ctx }) {
        // The client left before its body was whole.
        const copying = ctx.getState<Copying>(state)
        if (copying !== undefined) mirror.give(copying.chunks)
      },
    }
  },
})
