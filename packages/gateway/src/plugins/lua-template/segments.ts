import { TemplateError } from './template-error.ts'

/** A part of a template, in order. Offsets count from the start of the template. */
export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  /** `{{…}}` (escaped for HTML) and `{*…*}`. */
  | { readonly kind: 'output'; readonly start: number; readonly end: number; readonly escapes: boolean }
  /** `{%…%}` */
  | { readonly kind: 'code'; readonly start: number; readonly end: number }

const CLOSINGS: Readonly<Record<string, string>> = { '{': '}}', '*': '*}', '%': '%}', '#': '#}' }
const REFUSED: Readonly<Record<string, readonly [closing: string, what: string]>> = {
  '(': [')}', 'includes another template'],
  '[': [']}', 'includes another template'],
  '-': ['-}', 'is a block'],
}

/**
 * Takes a template of lua-resty-template apart. As there, an opening without its closing is text, `\{{` is text without the backslash, and a
 * line with nothing but `{%…%}` or `{#…#}` leaves no empty line.
 * @throws TemplateError for includes and blocks
 */
export function segmentsOf(source: string): Segment[] {
  const segments: Segment[] = []
  let from = 0
  const text = (to: number): void => {
    if (to > from) segments.push({ kind: 'text', text: source.slice(from, to) })
  }
  let at = source.indexOf('{')
  while (at >= 0) {
    const mark = source[at + 1]
    refuseOthers(source, at, mark)
    const closing = CLOSINGS[mark]
    const end = closing === undefined ? -1 : source.indexOf(closing, at + 2)
    if (end < 0) {
      at = source.indexOf('{', at + 1)
      continue
    }
    const escaped = backslashes(source, at)
    if (escaped > 0) {
      text(at - 1)
      from = at
    }
    if (escaped === 1) {
      // What is escaped is text up to the next opening.
      at = source.indexOf('{', at + 2)
      continue
    }
    const start = at + 2
    const isLine = mark === '%' || mark === '#'
    text(mark === '%' ? withoutBlanks(source, at, from) : at)
    if (mark === '%') segments.push({ kind: 'code', start, end })
    else if (mark !== '#') segments.push({ kind: 'output', start, end, escapes: mark === '{' })
    from = end + 2
    if (isLine && source[from] === '\n') from++
    at = source.indexOf('{', from)
  }
  text(source.length)
  return segments
}

/** 0: none, 1: the opening is escaped, 2: the backslash is. One of them is left out in either case. */
function backslashes(source: string, at: number): 0 | 1 | 2 {
  if (source[at - 1] !== '\\') return 0
  return source[at - 2] === '\\' ? 2 : 1
}

function withoutBlanks(source: string, at: number, from: number): number {
  let to = at
  while (to > from && (source[to - 1] === ' ' || source[to - 1] === '\t')) to--
  return to
}

function refuseOthers(source: string, at: number, mark: string): void {
  const refused = Object.hasOwn(REFUSED, mark ?? '') ? REFUSED[mark] : undefined
  if (refused === undefined || backslashes(source, at) === 1) return
  const end = source.indexOf(refused[0], at + 2)
  if (end < 0 || source.slice(at, end).includes('\n')) return
  // JSON and CSS have such brackets as well, with something else in them than a name.
  if (!/^[\w./"' -]+$/.test(source.slice(at + 2, end)) || /^[\s\d.-]*$/.test(source.slice(at + 2, end))) return
  throw new TemplateError(
    source,
    at,
    `${source.slice(at, end + 2)} ${refused[1]}, which templates here do not have; write it in one template, or "\\${source.slice(at, at + 2)}" for these characters`,
  )
}
