/**
 * Calls JavaScript functions of the configuration in a phase of the request, before most other plugins. They run in a sandbox, bounded in time and
 * memory.
 *
 * ```yaml
 * routes:
 *   - uri: /orders/*
 *     upstream_id: orders
 *     plugins:
 *       serverless-pre-function:
 *         phase: rewrite
 *         functions:
 *           - |
 *             (session) => {
 *               const { request } = session
 *               if (request.arg('tenant') === undefined) return session.respond(400, { message: 'which tenant?' })
 *               request.headers.set('X-Tenant', request.arg('tenant').toLowerCase())
 *             }
 *           - |
 *             const old = new Map([['/orders/list', '/orders']])
 *             export default ({ request }) => {
 *               const target = old.get(request.path)
 *               if (target !== undefined) request.target = target
 *             }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/orders/7                    # 400, body: {"message":"which tenant?"}, no upstream
 * curl -i 'http://127.0.0.1:8080/orders/7?tenant=ACME'      # 200, upstream: x-tenant: acme
 * curl -i 'http://127.0.0.1:8080/orders/list?tenant=a'      # 200, body: "url":"/orders"
 * ```
 *
 * A function gets the session:
 *
 * | Of `session` | Is |
 * | --- | --- |
 * | `request.method`, `.target` | as they go to the upstream; to be set in `rewrite`, `access` and `before_proxy` |
 * | `request.path`, `.host`, `.remoteAddr`, `.arg(name)` | as the client sent them, decoded |
 * | `request.headers` | `get`, `has`, `set`, `append`, `delete`, `entries()`; to be changed up to `before_proxy` |
 * | `await request.readBody(limit)`, `.readBytes(limit)`, `.replaceBody(body)` | the body, 1 MiB unless it says more, in `rewrite` and `access` |
 * | `respond(status, body, headers)` | answers in place of the upstream, up to `before_proxy`; an object leaves as JSON |
 * | `response.status`, `.headers` | the response, to be changed in `header_filter`, to be read after that |
 * | `consumer` | who calls: `{ username, group, labels }` |
 * | `variable(name)` | a [variable](../routing.md#variables) |
 * | `get(key)`, `set(key, value)` | what functions of this request keep for later ones, as JSON |
 * | `log(level, ...values)` | a line of the error log: `error`, `warn` or `info` |
 *
 * In `body_filter` it is called as `(session, chunk, end)` for each piece of the body, a Uint8Array, and returns bytes or text to send instead, or
 * nothing. In other phases it returns nothing: what APISIX answers by `return 403` is `session.respond(403)` here, and a number that is
 * returned is an error. The Lua of APISIX is refused.
 *
 * **The sandbox.** Functions run in QuickJS: JavaScript, without files, network, timers and modules. The only thing to wait for is the
 * body of the request. Each configuration of the plugin has a machine of its own in each worker, with a memory of its own: `memory` bytes for what its
 * functions keep. A variable outside of the function lives as long as the machine; the objects of JavaScript are frozen, so no request changes
 * what the next one meets.
 *
 * **When they fail.** A function that throws, runs longer than `timeout` or wants more than `memory` is stopped, also within a regular expression or
 * a built-in function. The request gets a 500 (`fail_policy`), `sekisho_script_failures_total` counts it by reason, and the error log says where, by line, once
 * a second. While a function runs the worker does nothing else: one that was stopped three times is not called again for twenty times its
 * `timeout`, twice as long each time that follows, a minute at most; its requests get the 500 at once.
 *
 * **Without it.** With `sandbox: none` functions run in the gateway: with everything that Node.js has, and without bounds in time and memory. Whoever may write such
 * a function may run code on the node, so its settings file has to say `scripts: { trusted: true }`. Without that the configuration is refused, also by
 * the Admin API.
 *
 * Cost: 2 µs for a call that does nothing, and 1 to 3 µs for each thing that it asks of the session. The first request of a worker waits some 20 ms
 * for its machine, which takes 1 to 2 MB besides what its functions keep. A worker has 1,000 of them at most; functions of one more place fail.
 */
import { definePlugin } from './definition.ts'
import { functionHooks } from './serverless/hooks.ts'
import { functionProblem } from './serverless/options.ts'
import { serverlessSchema } from './serverless/schema.ts'

export default definePlugin({
  name: 'serverless-pre-function',
  priority: 10000,
  placeless: true,
  schema: serverlessSchema,
  check: functionProblem,
  create: (config, context) => functionHooks('serverless-pre-function', config, context),
})
