import { pointerPart } from '../../../config/problem.ts'
import { camelCase } from './field-name.ts'
import type { Reading } from './message.ts'
import { type MessageName, MESSAGES, TYPES } from './api-messages.ts'

interface Field {
  readonly name: string
  readonly holds: string | undefined
  readonly map: boolean
}

const parsed = new Map<MessageName, ReadonlyMap<string, Field>>()

/** The fields of a message, by both spellings of their names. */
function fieldsOf(message: MessageName): ReadonlyMap<string, Field> {
  let fields = parsed.get(message)
  if (fields === undefined) {
    const read = MESSAGES[message]
      .trim()
      .split(/\s+/)
      .filter((text) => text !== '')
      .map((text): Field => {
        const [name = '', holds] = text.split(':')
        return { name, holds: holds?.replace('{}', ''), map: holds?.endsWith('{}') === true }
      })
    fields = new Map(read.flatMap((field) => [[field.name, field] as const, [camelCase(field.name), field] as const]))
    parsed.set(message, fields)
  }
  return fields
}

/** Fields of the API before version 3, which old articles still show. */
const OF_V2: ReadonlyMap<string, string> = new Map(
  Object.entries({
    hosts: 'the v2 API had it: write load_assignment',
    tls_context: 'the v2 API had it: write transport_socket',
    config: 'the v2 API had it: write typed_config with "@type"',
    regex: 'the v2 API had it: write safe_regex',
    allow_origin: 'the v2 API had it: write allow_origin_string_match',
    allow_origin_regex: 'the v2 API had it: write allow_origin_string_match',
    idle_timeout: 'it stands in common_http_protocol_options',
  }),
)

/** Tells of fields that Envoy does not know, in all messages that the importer knows. */
export function reportUnknownFields(reading: Reading, value: unknown): void {
  check(value, 'Bootstrap', '', reading)
}

function check(value: unknown, message: string, path: string, reading: Reading): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) check(item, message, `${path}/${index}`, reading)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const type = message === 'Any' ? messageOf(value) : message
  if (type === undefined || !Object.hasOwn(MESSAGES, type)) return
  const fields = fieldsOf(type as MessageName)
  for (const [key, item] of Object.entries(value)) {
    if (key === '@type') continue
    const at = `${path}/${pointerPart(key)}`
    const field = fields.get(key)
    if (field === undefined) {
      reading.settled.add(at)
      reading.report.add('unknown field', at, OF_V2.get(key) ?? `${type} has no field of this name`)
    } else if (field.holds === undefined) continue
    else if (!field.map) check(item, field.holds, at, reading)
    else if (typeof item === 'object' && item !== null) {
      for (const [name, entry] of Object.entries(item)) check(entry, field.holds, `${at}/${pointerPart(name)}`, reading)
    }
  }
}

function messageOf(any: object): MessageName | undefined {
  const url = (any as { readonly '@type'?: unknown })['@type']
  return typeof url === 'string' ? TYPES[url.slice(url.lastIndexOf('/') + 1)] : undefined
}
