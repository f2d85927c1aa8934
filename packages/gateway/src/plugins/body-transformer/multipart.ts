import type { Decoded } from './input.ts'

/** Parts of a form. */
const MAX_PARTS = 1_000
/** Characters of the head of a part. */
const MAX_HEAD = 8_192

const BOUNDARY = /;\s*boundary=(?:"([^"\\]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)/i
const DISPOSITION = /^content-disposition:[ \t]*form-data[ \t]*(?:;|$)/im

/**
 * The fields of a `multipart/form-data` body (RFC 7578) by name; several of one name are a list. A file is its content.
 * @param contentType has the boundary
 */
export function multipartFields(body: string, contentType: string | undefined): Decoded {
  const [, quoted, plain] = BOUNDARY.exec(contentType ?? '') ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) return { problem: 'has no boundary in its content type' }
  const fields = Object.create(null) as Record<string, unknown>
  const delimiter = `\r\n--${boundary}`
  // The first delimiter may begin the body: it has no line end of its own then.
  const text = `\r\n${body}`
  let at = text.indexOf(delimiter)
  for (let count = 0; at >= 0; count++) {
    at += delimiter.length
    if (text.startsWith('--', at)) return { value: fields }
    const line = text.indexOf('\r\n', at)
    if (line < 0 || /[^ \t]/.test(text.slice(at, line))) return { problem: 'has a boundary with something behind it' }
    if (count === MAX_PARTS) return { problem: `has more than ${MAX_PARTS} parts` }
    const end = text.indexOf(delimiter, line)
    // The empty line may be the one of the delimiter: a part without a head.
    const blank = text.indexOf('\r\n\r\n', line)
    if (end < 0) break
    if (blank < 0 || blank > end || blank - line > MAX_HEAD)
      return { problem: 'has a part without a head, or with one that is too long' }
    const name = partName(text.slice(line + 2, blank))
    if (name === undefined) return { problem: 'has a part without a name' }
    set(fields, name, text.slice(blank + 4, end))
    at = end
  }
  return { problem: 'has no last boundary' }
}

function set(fields: Record<string, unknown>, name: string, value: string): void {
  const known = fields[name]
  if (known === undefined) fields[name] = value
  else if (Array.isArray(known)) known.push(value)
  else fields[name] = [known, value]
}

/** Browsers write quotes and line ends in names percent-encoded (RFC 7578 section 4.2). */
function partName(head: string): string | undefined {
  if (!DISPOSITION.test(head)) return undefined
  const line = head.split('\r\n').find((one) => DISPOSITION.test(one)) ?? ''
  const [, quoted, plain] = /;[ \t]*name=(?:"([^"]*)"|([^\s;"]+))/i.exec(line) ?? []
  if (quoted === undefined) return plain
  return quoted.replace(/%(22|0D|0A)/g, (code) => decodeURIComponent(code))
}
