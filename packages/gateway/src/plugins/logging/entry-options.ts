import { compileExpression } from '../../expressions/index.ts'
import { Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'
import type { ConfigProblem } from '../definition.ts'
import { expressionProblem } from '../expression-problem.ts'
import { checkFormat, type LogFormat, type VariableFinder } from './log-format.ts'
import { requestVariable } from './log-variables.ts'

const formatOption = (description: string) => Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description }))

/** What entries say; of every logger, and of its metadata, whose formats hold where a place has none. */
export const formatOptions = {
  log_format: formatOption(
    'fields of an entry instead of the usual ones: texts with variables, as `{ host: $host, client: { ip: $remote_addr } }`; `route_id` and `service_id` are added',
  ),
  log_format_extra: formatOption('fields to add to an entry; as `log_format`'),
}

const expressionOption = (description: string) =>
  Type.Optional(Type.Array(Type.Array(Type.Unknown()), { minItems: 1, description }))

const maxBytesOption = (description: string) => defaulted(Type.Integer({ minimum: 1, default: 524_288, description }))

/** Bodies in entries. */
export const bodyOptions = {
  include_req_body: defaulted(
    Type.Boolean({
      default: false,
      description: 'add the request body, as it went to the upstream, in `request.body`',
    }),
  ),
  include_req_body_expr: expressionOption('add it for requests alone for which this is true when they are over'),
  include_resp_body: defaulted(
    Type.Boolean({
      default: false,
      description: 'add the response body in `response.body`; gzip, deflate and br are taken off',
    }),
  ),
  include_resp_body_expr: expressionOption('add it for responses alone for which this is true when their body begins'),
  max_req_body_bytes: maxBytesOption('of a request body no more than this is kept'),
  max_resp_body_bytes: maxBytesOption('of a response body no more than this is kept'),
}

export const entryOptions = { ...formatOptions, ...bodyOptions }

/** The same, filled in; splunk-hec-logging has no bodies. */
export interface EntryConfig {
  readonly log_format?: LogFormat
  readonly log_format_extra?: LogFormat
  readonly include_req_body?: boolean
  readonly include_req_body_expr?: unknown[][]
  readonly include_resp_body?: boolean
  readonly include_resp_body_expr?: unknown[][]
  readonly max_req_body_bytes?: number
  readonly max_resp_body_bytes?: number
}

/** What is wrong with formats and expressions. */
export const checkEntryOptions = (config: EntryConfig): ConfigProblem | undefined =>
  checkFormats(config) ?? checkBodyOptions(config)

export function checkBodyOptions(config: EntryConfig): ConfigProblem | undefined {
  return (
    checkExpression(config.include_req_body_expr, '/include_req_body_expr') ??
    checkExpression(config.include_resp_body_expr, '/include_resp_body_expr')
  )
}

/** For metadata too. */
export const checkFormats = (config: EntryConfig): ConfigProblem | undefined =>
  checkFormatsWith(config, requestVariable)

export function checkFormatsWith<Source>(config: EntryConfig, find: VariableFinder<Source>): ConfigProblem | undefined {
  for (const name of ['log_format', 'log_format_extra'] as const) {
    const format = config[name]
    const wrong = format === undefined ? undefined : checkFormat(format, find, `/${name}`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const checkExpression = (expression: unknown[][] | undefined, path: string): ConfigProblem | undefined =>
  expressionProblem(path, () => expression === undefined || compileExpression(expression))
