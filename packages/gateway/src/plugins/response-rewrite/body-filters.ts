import { isUtf8 } from 'node:buffer'
import { checkBacktracking, compileRegularExpression, ExpressionError } from '../../expressions/index.ts'
import { CaptureTemplate } from '../rewriting/captures.ts'

/** One substitution in a body, as it is written. */
export interface WrittenFilter {
  readonly regex: string
  readonly scope: 'once' | 'global'
  readonly replace: string
  /** Letters of `ngx.re`: see `FLAGS`. */
  readonly options: string
}

/**
 * The options of `ngx.re` and the flag of JavaScript that does the same: `a` matches only where it starts to look. `j`
 * (just in time compiler), `o` (compile once), `J` (JavaScript's syntax for codes) and `U` (no check of UTF-8) change
 * nothing here.
 */
const FLAGS: Readonly<Record<string, string>> = { a: 'y', i: 'i', m: 'm', s: 's', u: 'u', U: 'u', j: '', o: '', J: '' }

const UNSUPPORTED: Readonly<Record<string, string>> = {
  d: 'the longest match of all alternatives',
  D: 'groups of the same name',
  x: 'blanks and comments in expressions',
}

interface Substitution {
  readonly regex: RegExp
  readonly replacement: string
}

/**
 * Substitutions in a whole body. It is read as UTF-8 when it is that, so that `.` is a character; any other body is
 * read byte by byte, and what does not match leaves as it came.
 */
export class BodyFilters {
  private readonly forText: readonly Substitution[]
  /** The same with each character of an expression as the bytes of its UTF-8 form. */
  private readonly forBytes: readonly Substitution[]

  /** Throws an ExpressionError with the index and field of what is wrong. */
  constructor(filters: readonly WrittenFilter[]) {
    this.forText = filters.map((filter, index) => compile(filter, `/${index}`, (text) => text))
    this.forBytes = filters.map((filter, index) => compile(filter, `/${index}`, bytesAsText))
  }

  /** The body after all substitutions; the same object when nothing matched. */
  apply(body: Uint8Array): Uint8Array {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const encoding = isUtf8(bytes) ? 'utf8' : 'latin1'
    const before = bytes.toString(encoding)
    let text = before
    for (const { regex, replacement } of encoding === 'utf8' ? this.forText : this.forBytes) {
      regex.lastIndex = 0
      text = text.replace(regex, replacement)
    }
    return text === before ? body : Buffer.from(text, encoding)
  }
}

const bytesAsText = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

function compile(filter: WrittenFilter, pointer: string, convert: (text: string) => string): Substitution {
  const flags = new Set(filter.scope === 'global' ? 'g' : '')
  for (const option of filter.options) {
    if (UNSUPPORTED[option] !== undefined) {
      throw new ExpressionError(
        `${pointer}/options`,
        `"${option}" (${UNSUPPORTED[option]}) is not supported; leave it out`,
      )
    }
    const flag = FLAGS[option]
    if (flag === undefined)
      throw new ExpressionError(`${pointer}/options`, `"${option}" is no option; write letters of "aimsu"`)
    if (flag !== '') flags.add(flag)
  }
  const base = compileRegularExpression(convert(filter.regex), flags.has('i'), `${pointer}/regex`)
  const regex = withFlags(base, flags, `${pointer}/regex`)
  // With s or m, what did not overlap may do so.
  const danger = regex.flags === base.flags ? undefined : checkBacktracking(regex.source, regex.flags)
  if (danger !== undefined) throw new ExpressionError(`${pointer}/regex`, danger)
  return { regex, replacement: new CaptureTemplate(convert(filter.replace), `${pointer}/replace`).toReplacement(regex) }
}

/** `u` makes JavaScript's syntax stricter, so an expression may compile without it and not with it. */
function withFlags(base: RegExp, flags: ReadonlySet<string>, pointer: string): RegExp {
  try {
    return new RegExp(
      base.source,
      [...flags].reduce((all, flag) => (all.includes(flag) ? all : all + flag), base.flags),
    )
  } catch (error) {
    throw new ExpressionError(pointer, `cannot be used with these options; ${(error as Error).message}`)
  }
}
