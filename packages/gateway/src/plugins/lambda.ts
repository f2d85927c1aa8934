/**
 * Answers a route from a Lambda function: of this node's function engine, of AWS, or of whatever else speaks the Lambda API.
 *
 * ```yaml
 * functions: { address: 127.0.0.1:9190 }
 * routes:
 *   - uri: /hello/*
 *     plugins:
 *       lambda: { function_name: hello }
 *   - uri: /legacy/*
 *     plugins:
 *       lambda:
 *         function_name: legacy:live
 *         payload: rest-1.0
 *         region: eu-central-1
 *         endpoint: https://lambda.eu-central-1.amazonaws.com
 *         authorization: { iam: { accesskey: AKIAIOSFODNN7EXAMPLE, secretkey: "do-not-write-it-here" } }
 * ```
 *
 * ```sh
 * # with: lambda at 127.0.0.1:9190
 * curl -i http://127.0.0.1:8080/hello/you  # 200, body: hello from /hello/you
 * ```
 *
 * The function gets the request as an event, and its answer becomes the response. `payload` says in which format: as behind an HTTP API
 * (`http-2.0`), a REST API (`rest-1.0`), a load balancer (`alb`) or a function URL, so that a handler or framework that was made for one of
 * these works as it is. The response then goes through the other plugins as one of an upstream would.
 *
 * **Which service** is asked: `endpoint`, or else the engine of this node (`functions` in the settings), or else AWS in `region`, which
 * needs `authorization.iam`. Calls are signed with these credentials (AWS Signature Version 4).
 *
 * **Errors** are answered as AWS does for the format: a function that fails is a 502 behind a REST API or load balancer and a 500 behind an HTTP API,
 * one that takes too long a 504, 502 or 503. The client learns nothing more; the log of the gateway does.
 *
 * `invocation_type: Event` queues the event and answers 202 at once. `ResponseStream` sends the answer on piece by piece.
 *
 * The same as a resource is an [upstream of the type `function`](../functions-in-routes.md), which can be shared and needs no plugin.
 *
 * Costs the memory of both bodies (6 MB at most), and some 30 µs of the worker for a small request (20 more with a signature), besides the call.
 */
import { functionCallFields, FunctionName } from '../resources/function-call.ts'
import { type Static, Type } from '../schema/type.ts'
import { FunctionTarget } from '../functions/function-target.ts'
import { InvokeTarget, NO_SERVICE } from '../functions/invoke-target.ts'
import { connectionFields, SERVICE_DEFAULTS, serviceUpstream, timeoutOf } from '../functions/service-upstream.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import type { PluginContext } from './context.ts'

const schema = Type.Object(
  {
    function_name: FunctionName,
    ...functionCallFields,
    timeout: Type.Optional(
      Type.Integer({
        minimum: 100,
        description:
          'milliseconds that the answer may take; left out: as on AWS, 30000 (`http-2.0`), 29000 (`rest-1.0`), 60000 (`alb`), 900000 (`function-url`)',
      }),
    ),
    ...connectionFields,
    keepalive_pool: defaulted(
      Type.Integer({ minimum: 1, default: 320, description: 'idle connections kept by each worker' }),
    ),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'lambda',
  priority: -1_898,
  schema,
  create(config, context) {
    const target = targetOf(config, context)
    return {
      access(session) {
        if (target === undefined) session.respond(503, { error_msg: NO_SERVICE })
        else session.ctx.functionCall = target.call()
      },
    }
  },
})

function targetOf(config: Static<typeof schema>, { engine, logger }: PluginContext): FunctionTarget | undefined {
  const { function_name: name, timeout, ...settings } = config
  const invoke = InvokeTarget.of(name, settings, engine)
  if (invoke === undefined) return undefined
  const limits = timeout === undefined ? undefined : timeoutOf(timeout)
  return new FunctionTarget(invoke, settings, serviceUpstream(settings), limits, SERVICE_DEFAULTS, logger)
}
