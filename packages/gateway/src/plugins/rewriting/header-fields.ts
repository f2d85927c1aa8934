import { isFieldValue, isFramingField, isToken } from '@sekisho/wire'
import { Type } from '../../schema/type.ts'
import type { ConfigProblem } from '../definition.ts'

/** Response fields of a configuration, by name. */
export const headerFields = (description: string) =>
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]), { minProperties: 1, description })

/** What is wrong with configured fields that would only show when the first response leaves. */
export function checkHeaderFields(
  fields: Readonly<Record<string, string | number>> | undefined,
  path: string,
): ConfigProblem | undefined {
  for (const [name, value] of Object.entries(fields ?? {})) {
    const place = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (!isToken(name)) return { path: place, message: `"${name}" is not a header name; write letters, digits and "-"` }
    if (isFramingField(name)) {
      return {
        path: place,
        message: `"${name}" is set by the gateway itself, to fit the body and the connection; remove it`,
      }
    }
    if (!isFieldValue(String(value))) {
      return { path: place, message: 'has a control character, which a header value cannot have; remove it' }
    }
  }
  return undefined
}

// eslint-disable-next-line no-control-regex
const CONTROLS = /[\0-\x08\x0a-\x1f\x7f]/g

/**
 * A value that a request had a part in, fit for a field: control characters leave as `%0D`, as OpenResty writes them. Query arguments
 * are decoded, so a client can put a line end into `$arg_x`.
 */
export const fieldValue = (text: string): string =>
  isFieldValue(text)
    ? text
    : text.replace(CONTROLS, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
