import { TemplateError } from './template-error.ts'

/** A token of Lua. `value` of names, operators and keywords is their text. */
export interface Token {
  readonly kind: 'name' | 'keyword' | 'operator' | 'string' | 'number'
  readonly value: string | number
  readonly offset: number
}

const KEYWORDS = new Set(
  'and break do else elseif end false for function goto if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
)

const TOKEN =
  /\s+|--[^\n]*|([A-Za-z_]\w*)|(0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|("(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*')|(\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}[\];:,.])/y

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' }

/** The tokens of Lua code that stands in a template from `start` to `end`. @throws TemplateError */
export function tokensOf(source: string, start: number, end: number): Token[] {
  const code = source.slice(0, end)
  const tokens: Token[] = []
  let at = start
  while (at < end) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(code)
    if (match === null)
      throw new TemplateError(source, at, `${JSON.stringify(code[at])} is not expected in Lua code here`)
    const [whole, name, number, string, operator] = match
    if (name !== undefined) tokens.push({ kind: KEYWORDS.has(name) ? 'keyword' : 'name', value: name, offset: at })
    else if (number !== undefined) tokens.push({ kind: 'number', value: Number(number), offset: at })
    else if (string !== undefined) tokens.push({ kind: 'string', value: unquoted(string), offset: at })
    else if (operator !== undefined) tokens.push({ kind: 'operator', value: operator, offset: at })
    at += whole.length
  }
  return tokens
}

const unquoted = (literal: string): string =>
  literal.slice(1, -1).replace(/\\(\d{1,3}|[^])/g, (_whole, code: string) => {
    if (/^\d/.test(code)) return String.fromCharCode(Number(code))
    return ESCAPES[code] ?? code
  })
