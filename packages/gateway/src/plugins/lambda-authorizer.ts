/**
 * Asks a Lambda function whether a request may go on: authorizers of API Gateway, of REST APIs (TOKEN and REQUEST) and HTTP APIs.
 *
 * ```yaml
 * functions: { address: 127.0.0.1:9190 }
 * routes:
 *   - uri: /orders/*
 *     upstream: function://orders
 *     plugins:
 *       lambda-authorizer:
 *         function_name: who-is-it
 *         identity_sources: [$request.header.Authorization]
 *         cache_ttl: 60
 *         context_headers: { X-User: userId }
 * ```
 *
 * ```yaml
 * functions: { address: 127.0.0.1:9190 }
 * routes:
 *   - uri: /reports/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       lambda-authorizer: { function_name: who-is-it, identity_sources: [$request.header.Authorization], context_headers: { X-User: userId } }
 * ```
 *
 * ```sh
 * # with: lambda at 127.0.0.1:9190
 * curl -i http://127.0.0.1:8080/reports/7                              # 401, no upstream
 * curl -i -H 'Authorization: wrong' http://127.0.0.1:8080/reports/7    # 403, no upstream
 * curl -i -H 'Authorization: s3cret' http://127.0.0.1:8080/reports/7   # 200, upstream: X-User: 7
 * ```
 *
 * The function gets the event of an HTTP API's authorizer and answers `{"isAuthorized":true,"context":{"userId":"7"}}`. With `payload: rest-1.0` it
 * gets that of a REST API (`type: token`: nothing but the token) and answers a principal and a policy, which is evaluated for the method and path of each
 * request. What stands in `context` reaches the route's function in its event (`requestContext.authorizer`), and other upstreams as the fields of
 * `context_headers`; a client cannot send these itself.
 *
 * **Refused** are a request without one of the `identity_sources` (401, the function is not asked), one that the answer does not allow (403), and
 * one for which there is no answer, because the function failed, took too long or answered something else (500). A function that fails
 * with the message `Unauthorized` is a 401.
 *
 * **Answers are kept** for `cache_ttl` seconds by the values of the `identity_sources`, in each worker. `0` asks for each request. With an answer that is
 * kept a policy is still evaluated for each request; a plain `isAuthorized` is not asked again, whatever the path.
 *
 * Conditions in policies are not evaluated: a statement that has one never allows, and always denies.
 *
 * Costs a call for each caller, and 2 µs for a request whose answer is kept.
 */
import { compileRegularExpression } from '../expressions/index.ts'
import { identitySource, IDENTITY_PATTERN, type IdentitySource } from '../functions/authorizer/identity-source.ts'
import { LambdaAuthorizer } from '../functions/authorizer/lambda-authorizer.ts'
import { FunctionTarget } from '../functions/function-target.ts'
import { InvokeTarget } from '../functions/invoke-target.ts'
import { connectionFields, SERVICE_DEFAULTS, serviceUpstream, timeoutOf } from '../functions/service-upstream.ts'
import { functionCallFields, FunctionName } from '../resources/function-call.ts'
import { type Static, Type } from '../schema/type.ts'
import type { PluginContext } from './context.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'

const { endpoint, region, authorization, stage, stage_variables } = functionCallFields

const schema = Type.Object(
  {
    function_name: FunctionName,
    type: defaulted(
      Type.Enum(['request', 'token'], {
        default: 'request',
        description: '`token`: the function gets the token alone, and answers a policy',
      }),
    ),
    payload: defaulted(
      Type.Enum(['http-2.0', 'rest-1.0'], {
        default: 'http-2.0',
        description: 'the event, and how refusals are answered; a `token` authorizer is always `rest-1.0`',
      }),
    ),
    simple_responses: Type.Optional(
      Type.Boolean({
        description: 'the function answers `isAuthorized` rather than a policy; left out: with `http-2.0`',
      }),
    ),
    identity_sources: defaulted(
      Type.Array(
        Type.String({
          pattern: IDENTITY_PATTERN,
          patternErrorMessage: 'must be as "$request.header.NAME", "$request.querystring.NAME" or "$context.path"',
        }),
        {
          default: ['$request.header.Authorization'],
          maxItems: 10,
          description: 'what a request must have, and what its answer is kept by; the first is the token',
        },
      ),
    ),
    identity_validation_expression: Type.Optional(
      Type.String({ minLength: 1, description: 'regular expression that the token must match as a whole' }),
    ),
    cache_ttl: defaulted(Type.Integer({ minimum: 0, maximum: 3_600, default: 300, description: 'seconds' })),
    context_headers: defaulted(
      Type.Record(Type.String(), Type.String({ minLength: 1 }), {
        default: {},
        description:
          'fields for the upstream, and whose values of the context they have; `principalId` is one of a policy',
      }),
    ),
    endpoint,
    region,
    authorization,
    stage,
    stage_variables,
    timeout: defaulted(Type.Integer({ minimum: 100, default: 10_000, description: 'milliseconds' })),
    ...connectionFields,
    keepalive_pool: defaulted(
      Type.Integer({ minimum: 1, default: 320, description: 'idle connections kept by each worker' }),
    ),
  },
  { additionalProperties: false },
)
type Config = Static<typeof schema>

export default definePlugin({
  name: 'lambda-authorizer',
  priority: 2_540,
  schema,
  check(config) {
    const { identity_sources: written, identity_validation_expression: expression, type } = config
    for (const [index, source] of written.entries()) {
      const made = identitySource(source)
      if (typeof made === 'string') return { path: `/identity_sources/${index}`, message: made }
    }
    if (type === 'token' && written.length !== 1) {
      return { path: '/identity_sources', message: 'has to be one, as `type` is "token"' }
    }
    for (const name of Object.keys(config.context_headers)) {
      if (!/^[!#$%&'*+.^_`|~0-9a-zA-Z-]+$/.test(name)) {
        return { path: '/context_headers', message: `"${name}" is not the name of a field` }
      }
    }
    if (expression === undefined) return undefined
    if (type !== 'token') {
      return { path: '/identity_validation_expression', message: 'is for `type: token` alone; remove it' }
    }
    try {
      new RegExp(expression, 'u')
    } catch (error) {
      return { path: '/identity_validation_expression', message: (error as Error).message }
    }
    return expressionProblem('/identity_validation_expression', () =>
      compileRegularExpression(`^(?:${expression})$`, false, ''),
    )
  },
  create(config, context) {
    const authorizer = authorizerOf(config, context)
    return {
      rewrite(session) {
        if (authorizer !== undefined) return authorizer.authorize(session)
        session.respond(500, { message: 'Internal Server Error' })
        return undefined
      },
    }
  },
})

function authorizerOf(config: Config, { engine, logger }: PluginContext): LambdaAuthorizer | undefined {
  const payload = config.type === 'token' ? 'rest-1.0' : config.payload
  const settings = {
    payload,
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
    ...(config.region === undefined ? {} : { region: config.region }),
    ...(config.authorization === undefined ? {} : { authorization: config.authorization }),
    ...(config.stage === undefined ? {} : { stage: config.stage }),
    ...(config.stage_variables === undefined ? {} : { stage_variables: config.stage_variables }),
  }
  const invoke = InvokeTarget.of(config.function_name, settings, engine)
  if (invoke === undefined) {
    logger.error({ function: config.function_name }, 'an authorizer has no service: every request is refused')
    return undefined
  }
  const { identity_validation_expression: expression } = config
  return new LambdaAuthorizer({
    target: new FunctionTarget(
      invoke,
      settings,
      serviceUpstream(config),
      timeoutOf(config.timeout),
      SERVICE_DEFAULTS,
      logger,
    ),
    type: config.type,
    simple: config.simple_responses ?? payload === 'http-2.0',
    sources: config.identity_sources
      .map((written) => identitySource(written, config.stage_variables))
      .filter((source): source is IdentitySource => typeof source === 'function'),
    pattern: expression === undefined ? undefined : new RegExp(`^(?:${expression})$`, 'u'),
    cacheTtlMs: config.cache_ttl * 1_000,
    contextHeaders: config.context_headers,
    logger,
  })
}
