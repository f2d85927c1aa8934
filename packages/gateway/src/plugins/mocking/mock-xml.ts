import type { MockValue } from './mock-data.ts'

const NAME = /^[\p{L}_][\p{L}\p{N}._-]*$/u

/** Whether an XML element may be called so (XML 1.0 section 2.3, without the colon that names a namespace). */
export const isXmlName = (name: string): boolean => NAME.test(name) && !/^xml/i.test(name)

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

// eslint-disable-next-line no-control-regex
const NOT_IN_XML = /[\0-\x08\x0b\x0c\x0e-\x1f]/g

const escape = (text: string): string => text.replace(NOT_IN_XML, '').replace(/[&<>]/g, (one) => ESCAPES[one])

/** Data as XML: an element a value, indented by two spaces a level; a list is its element over and over. Ends in a line end. */
export function toXml(name: string, value: MockValue, indent = ''): string {
  if (Array.isArray(value)) return value.map((item) => toXml(name, item, indent)).join('')
  if (typeof value !== 'object') return `${indent}<${name}>${escape(String(value))}</${name}>\n`
  const inner = Object.entries(value)
    .map(([child, content]) => toXml(child, content, `${indent}  `))
    .join('')
  return `${indent}<${name}>\n${inner}${indent}</${name}>\n`
}
