import { type Cursor, unfamiliar } from './cursor.ts'

/**
 * Reads a literal block scalar, `|` or `|-`, as functions are written in (YAML 1.2, 8.1). Folded ones, indentation
 * and keep indicators, and odd white space go to the library. Ends at the start of the line behind it.
 */
export function readLiteral(cursor: Cursor, parentIndent: number): string {
  const { text } = cursor
  const headerEnd = text.indexOf('\n', cursor.pos)
  const header = text.slice(cursor.pos, headerEnd).trimEnd()
  if (headerEnd < 0 || (header !== '|' && header !== '|-')) return unfamiliar()
  const lines: string[] = []
  let indent = 0
  let longestBlank = 0
  let pos = headerEnd + 1
  while (pos < text.length) {
    const end = text.indexOf('\n', pos)
    if (end < 0) return unfamiliar()
    let content = pos
    while (text[content] === ' ') content++
    if (content === end) {
      longestBlank = Math.max(longestBlank, end - pos)
      lines.push('')
    } else {
      if (content - pos <= parentIndent) break
      indent ||= content - pos
      if (content - pos < indent) return unfamiliar()
      lines.push(text.slice(pos + indent, end))
    }
    pos = end + 1
  }
  if (indent === 0 || longestBlank > indent) return unfamiliar()
  cursor.pos = pos
  while (lines[lines.length - 1] === '') lines.pop()
  return lines.join('\n') + (header === '|' ? '\n' : '')
}
