const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => ESCAPES[character])

/** Objects become elements, lists `<member>` elements; what is undefined is left out. */
export function xml(name: string, value: unknown): string {
  if (value === undefined) return ''
  return `<${name}>${content(value)}</${name}>`
}

function content(value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => xml('member', one)).join('')
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, one]) => xml(name, one))
      .join('')
  }
  return escape(String(value))
}
