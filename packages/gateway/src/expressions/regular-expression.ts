import { checkBacktracking } from './backtracking/check-backtracking.ts'
import { ExpressionError } from './expression-error.ts'

/** What stands for a PCRE escape that JavaScript lacks, outside and inside a character class. Exact equivalents only. */
const ESCAPES: Readonly<Record<string, { outside: string; inside?: string }>> = {
  A: { outside: '(?<![\\s\\S])' },
  z: { outside: '(?![\\s\\S])' },
  Z: { outside: '(?=\\n?(?![\\s\\S]))' },
  h: { outside: '[ \\t]', inside: ' \\t' },
  e: { outside: '\\x1b', inside: '\\x1b' },
  a: { outside: '\\x07', inside: '\\x07' },
}

const UNSUPPORTED_ESCAPES: Readonly<Record<string, string>> = {
  Q: 'escape the characters one by one',
  E: 'escape the characters one by one',
  R: 'write (?:\\r\\n|\\n|\\r)',
  K: 'use a look-behind, (?<=…)',
  G: 'leave it out: a match is never continued',
  X: 'write a character class',
  N: 'write [^\\n]',
  H: 'write [^ \\t]',
  p: 'write a character class such as [A-Za-z]',
  P: 'write a character class such as [^A-Za-z]',
  g: 'write \\1 or \\k<name>',
}

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
}

const FRONT_FLAGS = /^\(\?([a-zA-Z]+)\)/
const FLAGS = 'ims'

/** Characters. The time to look through an expression grows with its length; long lists can be several. */
export const MAX_EXPRESSION_LENGTH = 4096

/**
 * Compiles a Perl-compatible expression, as APISIX takes it, to JavaScript's. Flags at the front (`(?i)`, `(?s)`, `(?m)`),
 * `\A`, `\z`, `\Z`, `\h`, `\a`, `\e`, `\x{41}`, `(?P<name>…)` and POSIX classes are translated; what has no equal is refused
 * rather than read as something else, which JavaScript would do silently for many of them. So is an expression that a
 * client could make run for more than a second (see backtracking/).
 * @throws ExpressionError at `pointer`
 */
export function compileRegularExpression(source: string, ignoreCase: boolean, pointer: string): RegExp {
  if (source.length > MAX_EXPRESSION_LENGTH) {
    const length = source.length.toLocaleString('en')
    throw new ExpressionError(pointer, `is ${length} characters long, of at most 4,096; write several expressions`)
  }
  let flags = ignoreCase ? 'i' : ''
  let body = source
  for (let front = FRONT_FLAGS.exec(body); front !== null; front = FRONT_FLAGS.exec(body)) {
    for (const flag of front[1]) {
      if (!FLAGS.includes(flag))
        throw new ExpressionError(pointer, `(?${flag}) is not supported; of the flags, i, m and s are`)
      if (!flags.includes(flag)) flags += flag
    }
    body = body.slice(front[0].length)
  }
  const translated = translate(body, pointer)
  const compiled = native(translated, flags, pointer)
  const danger = checkBacktracking(translated, flags)
  if (danger !== undefined) throw new ExpressionError(pointer, danger)
  return compiled
}

function native(source: string, flags: string, pointer: string): RegExp {
  try {
    return new RegExp(source, flags)
  } catch (error) {
    const reason = (error as Error).message.replace(/^Invalid regular expression: /, '')
    throw new ExpressionError(pointer, `is not a regular expression that JavaScript can run: ${reason}`)
  }
}

function translate(body: string, pointer: string): string {
  let out = ''
  let at = 0
  while (at < body.length) {
    const char = body[at]
    if (char === '\\') {
      const [text, length] = translateEscape(body, at, false, pointer)
      out += text
      at += length
    } else if (char === '[') {
      const [text, length] = translateClass(body, at, pointer)
      out += text
      at += length
    } else if (char === '(') {
      const [text, length] = translateGroup(body, at, pointer)
      out += text
      at += length
    } else {
      if (char === '+' && isQuantifier(body, at))
        throw new ExpressionError(pointer, 'possessive quantifiers (a++) are not supported; write a+')
      out += char
      at++
    }
  }
  return out
}

/** Whether the `+` at `at` follows a quantifier, which makes that one possessive in PCRE. */
function isQuantifier(body: string, at: number): boolean {
  const before = body[at - 1]
  if (before === undefined || body[at - 2] === '\\') return false
  return (
    before === '+' || before === '*' || before === '?' || (before === '}' && /\{\d+(,\d*)?\}$/.test(body.slice(0, at)))
  )
}

function translateEscape(body: string, at: number, inClass: boolean, pointer: string): [string, number] {
  const char = body[at + 1]
  if (char === undefined) throw new ExpressionError(pointer, 'ends in a lone backslash')
  const hex = /^\\x\{([0-9a-fA-F]{1,4})\}/.exec(body.slice(at, at + 8))
  if (hex !== null) return [`\\u${hex[1].padStart(4, '0')}`, hex[0].length]
  const remedy = UNSUPPORTED_ESCAPES[char]
  if (remedy !== undefined) throw new ExpressionError(pointer, `\\${char} is not supported; ${remedy}`)
  const known = ESCAPES[char]
  if (known === undefined) return [body.slice(at, at + 2), 2]
  const text = inClass ? known.inside : known.outside
  if (text === undefined) throw new ExpressionError(pointer, `\\${char} cannot stand in a character class`)
  return [text, 2]
}

function translateClass(body: string, start: number, pointer: string): [string, number] {
  let out = '['
  let at = start + 1
  if (body[at] === '^') {
    out += '^'
    at++
  }
  // In PCRE a bracket that comes first is itself; in JavaScript it would close an empty class.
  if (body[at] === ']') {
    out += '\\]'
    at++
  }
  while (at < body.length && body[at] !== ']') {
    const posix = body[at] === '[' ? /^\[:(\^?)([a-z]+):\]/.exec(body.slice(at, at + 12)) : null
    if (posix !== null) {
      const members = posix[1] === '' ? POSIX_CLASSES[posix[2]] : undefined
      if (members === undefined)
        throw new ExpressionError(pointer, `${posix[0]} is not supported; write its characters out`)
      out += members
      at += posix[0].length
    } else if (body[at] === '\\') {
      const [text, length] = translateEscape(body, at, true, pointer)
      out += text
      at += length
    } else {
      out += body[at++]
    }
  }
  if (at >= body.length) throw new ExpressionError(pointer, 'has a character class without its closing ]')
  return [`${out}]`, at + 1 - start]
}

function translateGroup(body: string, at: number, pointer: string): [string, number] {
  if (body.startsWith('(?P<', at)) return ['(?<', 4]
  const named = /^\(\?P=(\w+)\)/.exec(body.slice(at, at + 64))
  if (named !== null) return [`\\k<${named[1]}>`, named[0].length]
  if (body.startsWith('(*', at)) throw new ExpressionError(pointer, '(*…) verbs are not supported')
  if (!body.startsWith('(?', at)) return ['(', 1]
  const opening = ['(?:', '(?=', '(?!', '(?<=', '(?<!'].find((known) => body.startsWith(known, at))
  if (opening !== undefined) return [opening, opening.length]
  if (/^\(\?<[A-Za-z_]/.test(body.slice(at, at + 4))) return ['(?<', 3]
  if (/^\(\?[a-z-]+[:)]/i.test(body.slice(at, at + 12))) {
    throw new ExpressionError(pointer, 'flags such as (?i) are supported at the front only')
  }
  throw new ExpressionError(pointer, `the group ${body.slice(at, at + 3)} is not supported; JavaScript has no equal`)
}
