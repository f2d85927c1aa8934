import { fieldsByName, formFields, MAX_FORM_FIELDS } from '../form-fields.ts'
import { multipartFields } from './multipart.ts'
import { xmlTree } from './xml-tree.ts'

export const INPUT_FORMATS = ['xml', 'json', 'encoded', 'args', 'plain', 'multipart'] as const
export type InputFormat = (typeof INPUT_FORMATS)[number]

/** What a template reads names from, or what is wrong with the body. */
export type Decoded = { readonly value: unknown } | { readonly problem: string }

/** The format of a body by its content type, where the configuration does not name one. */
export function formatOf(contentType: string | undefined): InputFormat | undefined {
  const type = contentType?.split(';', 1)[0].trim().toLowerCase()
  if (type === undefined) return undefined
  if (type === 'text/xml' || type === 'application/xml' || type.endsWith('+xml')) return 'xml'
  if (type === 'application/json' || type.endsWith('+json')) return 'json'
  if (type === 'application/x-www-form-urlencoded') return 'encoded'
  return type.startsWith('multipart/') ? 'multipart' : undefined
}

/** @param query of the request, for `args` */
export function decodeInput(
  format: InputFormat,
  body: string,
  contentType: string | undefined,
  query: string,
): Decoded {
  switch (format) {
    case 'xml':
      return xmlTree(body)
    case 'json':
      return json(body)
    case 'encoded':
      return form(body)
    case 'args':
      return form(query)
    case 'multipart':
      return multipartFields(body, contentType)
    case 'plain':
      return { value: {} }
  }
}

function json(body: string): Decoded {
  try {
    return { value: JSON.parse(body) as unknown }
  } catch {
    return { problem: 'is not JSON' }
  }
}

function form(text: string): Decoded {
  const fields = formFields(text)
  return fields === undefined ? { problem: `has more than ${MAX_FORM_FIELDS} fields` } : { value: fieldsByName(fields) }
}
