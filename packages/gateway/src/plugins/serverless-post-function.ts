/**
 * Calls JavaScript functions of the configuration in a phase of the request, after all other plugins. Otherwise it is
 * [serverless-pre-function](serverless-pre-function.md): that page says what functions see, what the sandbox is, and what happens when they fail.
 *
 * ```yaml
 * routes:
 *   - uri: /reports/*
 *     upstream_id: reports
 *     plugins:
 *       serverless-post-function:
 *         phase: header_filter
 *         functions:
 *           - |
 *             ({ response }) => {
 *               response.headers.delete('X-Powered-By')
 *               if (response.status >= 500) response.headers.set('Retry-After', '5')
 *             }
 * ```
 *
 * ```sh
 * curl -i -H 'x-answer-headers: {"x-powered-by":"php"}' http://127.0.0.1:8080/reports/1   # 200, no X-Powered-By
 * ```
 *
 * Cost: as there.
 */
import { definePlugin } from './definition.ts'
import { functionHooks } from './serverless/hooks.ts'
import { functionProblem } from './serverless/options.ts'
import { serverlessSchema } from './serverless/schema.ts'

export default definePlugin({
  name: 'serverless-post-function',
  priority: -2000,
  placeless: true,
  schema: serverlessSchema,
  check: functionProblem,
  create: (config, context) => functionHooks('serverless-post-function', config, context),
})
