import type { ImportContext } from '../reader/import-context.ts'
import { readDataSource } from '../reader/data-source.ts'
import type { Message } from '../reader/message.ts'
import { convertFormat } from '../routes/format-operators.ts'

const STREAMS: ReadonlyMap<string, string> = new Map(
  Object.entries({ StdoutAccessLog: 'stdout', StderrAccessLog: '/dev/stderr' }),
)

/** Reads the access logs of a listener: there is one for the node here. */
export function readAccessLogs(manager: Message, context: ImportContext): void {
  for (const log of manager.messages('access_log')) readAccessLog(log, context)
}

function readAccessLog(log: Message, { settings }: ImportContext): void {
  log.ignore('name')
  const sink = log.message('typed_config')
  if (sink === undefined) return log.loseAll('has no typed_config')
  const isFile = sink.type === 'FileAccessLog'
  if (!isFile && STREAMS.get(sink.type) === undefined) return log.loseAll('access logs go to standard output or a file')
  log.lose('filter', 'every request has its line')
  const file = isFile ? (sink.string('path') ?? '') : STREAMS.get(sink.type)
  const path = file === '/dev/stdout' ? 'stdout' : file
  settings.put('access_log.path', path, log, 'typed_config')
  if (settings.get('access_log.path') !== path) return
  const format = readFormat(sink)
  if (format !== undefined) settings.put('access_log.format', format, log, 'typed_config')
  else
    sink.warnOnce(
      'log format',
      undefined,
      'lines have the format "combined": without a format of its own, Envoy has another',
    )
}

type Format = string | Readonly<Record<string, string>>

/** Undefined: there is none, or none that can be said here. */
function readFormat(sink: Message): Format | undefined {
  const source = sink.message('log_format')
  const owner = source ?? sink
  const text = source?.has('text_format_source')
    ? readDataSource(source.message('text_format_source'))
    : { text: owner.string(source === undefined ? 'format' : 'text_format') }
  if (text !== undefined && 'text' in text && text.text !== undefined)
    return convertText(text.text, owner, formatField(owner))
  if (text !== undefined && 'file' in text) owner.lose('text_format_source', 'write the format itself')
  source?.ignore('omit_empty_values', 'content_type')
  for (const name of ['json_format', 'typed_json_format']) {
    const fields = owner.message(name)
    if (fields !== undefined) return convertFields(fields)
  }
  return undefined
}

const formatField = (owner: Message): string =>
  ['text_format_source', 'text_format', 'format'].find((name) => owner.has(name)) ?? 'format'

function convertText(format: string, owner: Message, field: string): string | undefined {
  const { text, missing } = convertFormat(format, '')
  if (missing.length > 0) owner.lose(field, `there is no variable for ${missing.join(', ')}: the lines are without`)
  if (/%DURATION%/.test(format)) owner.warn(field, '$request_time is in seconds, %DURATION% in milliseconds')
  if (format.includes('$')) owner.warn(field, 'a "$" cannot be written in a format, and is left out')
  const trimmed = text.replace(/\n$/, '')
  return trimmed.includes('$') ? trimmed : undefined
}

function convertFields(fields: Message): Record<string, string> {
  const converted: Record<string, string> = {}
  for (const name of fields.keys()) {
    const format = fields.string(name)
    if (format === undefined) continue
    const { text, missing } = convertFormat(format, '')
    if (missing.length > 0) fields.lose(name, `there is no variable for ${missing.join(', ')}`)
    else converted[name] = text
    if (format === '%DURATION%') fields.warn(name, '$request_time is in seconds, %DURATION% in milliseconds')
  }
  return converted
}
