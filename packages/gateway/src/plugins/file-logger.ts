/**
 * Writes an entry of each request to a file, as a line of JSON.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       file-logger:
 *         path: /tmp/requests.log
 *         match: [[["status", ">=", 400]]]
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/status/404   # 404
 * ```
 *
 * and the file has the line `{"request":{"url":"http://127.0.0.1:8080/status/404",…`.
 *
 * A line is an [entry](http-logger.md). `path` may also stand in `plugin_metadata`, for all places that have none; `stdout` and `stderr` are no files.
 * With `match` only requests get a line for which one of the expressions is true when they are over.
 *
 * Lines are gathered for up to a second and appended whole, so that those of several workers never mix. A file that was renamed or deleted is opened anew
 * within two seconds, or at once by SIGUSR1: `logrotate` needs no `copytruncate`. Its folder must be there.
 *
 * **When the file cannot be opened, the disk is full or stalls** no request waits. Up to 8 MiB of lines wait in a worker; others are dropped. The
 * error log says when it begins and ends, and `sekisho_plugin_log_entries_total` counts.
 *
 * Costs 2 to 4 µs a request.
 */
import { compileExpression } from '../expressions/index.ts'
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'
import { writeProblem } from './file-access.ts'
import { hooksOf } from './logging/batch-logger.ts'
import { checkEntryOptions, checkFormats, entryOptions, formatOptions } from './logging/entry-options.ts'
import { entryMaker } from './logging/log-entry.ts'
import { acquireLogFile, releaseLogFile } from './logging/log-file.ts'
import { LogCounts } from './logging/log-metrics.ts'

const Path = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))

const schema = Type.Object(
  {
    path: Path('the file'),
    match: Type.Optional(
      Type.Array(Type.Array(Type.Unknown()), {
        maxItems: 20,
        description: 'expressions, of which one must be true: `[[["status", ">=", 400]]]`',
      }),
    ),
    ...entryOptions,
  },
  { additionalProperties: false },
)

const metadataSchema = Type.Object(
  { path: Path('the file of all places that name none'), ...formatOptions },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

export default definePlugin({
  name: 'file-logger',
  priority: 399,
  schema,
  metadataSchema,
  placeless: true,
  check(config) {
    for (const [index, expression] of (config.match ?? []).entries()) {
      const wrong = expressionProblem(`/match/${index}`, () => compileExpression(expressionOf(expression)))
      if (wrong !== undefined) return wrong
    }
    return checkPath(config.path) ?? checkEntryOptions(config)
  },
  checkMetadata: (metadata) => checkPath(metadata.path) ?? checkFormats(metadata),
  create(config, context) {
    const path = config.path ?? context.metadata?.path
    if (path === undefined) {
      const fields = { plugin: 'file-logger', place: context.scope }
      context.logger.error(fields, 'file-logger has no "path", neither here nor in plugin_metadata: nothing is written')
      return {}
    }
    const file = acquireLogFile(path, new LogCounts('file-logger', context.metrics), context.logger)
    const hooks = hooksOf(entryMaker(config, context.metadata), (fields) => file.write(`{${fields}}`))
    const { log } = hooks
    const matches = matcher(config.match)
    const matched =
      matches === undefined ? log : (session: GatewaySession) => (matches(session) ? log?.(session) : undefined)
    return { ...hooks, log: matched, dispose: () => releaseLogFile(path) }
  },
})

/** A single comparison may stand without the list around it. */
const expressionOf = (expression: unknown[]): unknown[] =>
  typeof expression[0] === 'string' && !/^!?(and|or)$/i.test(expression[0]) ? [expression] : expression

function matcher(match: Config['match']): ((session: GatewaySession) => boolean) | undefined {
  if (match === undefined || match.length === 0) return undefined
  const conditions = match.map((expression) => compileExpression(expressionOf(expression)))
  return ({ ctx }) => {
    for (const condition of conditions) {
      try {
        if (condition(ctx)) return true
      } catch {
        // An expression that fails is not true.
      }
    }
    return false
  }
}

function checkPath(path: string | undefined): ConfigProblem | undefined {
  if (path === undefined || path === 'stdout' || path === 'stderr') return undefined
  const message = path.includes('\0') ? 'has a NUL character, which no file name has' : writeProblem(path)
  return message === undefined ? undefined : { path: '/path', message }
}
