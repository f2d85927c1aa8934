import { ExpressionError } from '../../expressions/index.ts'

/** What a template with captures is made of: text, or the number of a group (0 is the whole match). */
type Part = string | number

const REFERENCE = /\$(?:\$|(\d+)|\{(\d+)\}|)/g

/**
 * A replacement as `ngx.re.sub` reads it: `$1` and `${1}` are groups of the match, `$0` is all of it, `$$` is a dollar
 * sign. A group that did not take part, or that the expression does not have, is the empty string.
 */
export class CaptureTemplate {
  private readonly parts: readonly Part[]

  /** Throws an ExpressionError at `pointer` where a `$` stands for nothing of these. */
  constructor(template: string, pointer: string) {
    const parts: Part[] = []
    let from = 0
    for (const match of template.matchAll(REFERENCE)) {
      const end = match.index + match[0].length
      const group = match[1] ?? match[2]
      if (match[0] === '$') throw new ExpressionError(pointer, describe(template.slice(match.index)))
      parts.push(template.slice(from, match.index), group === undefined ? '$' : Number(group))
      from = end
    }
    parts.push(template.slice(from))
    this.parts = parts
  }

  /** The text for a match, with each capture passed through `escape`. */
  expand(match: RegExpExecArray, escape?: (capture: string) => string): string {
    let text = ''
    for (const part of this.parts) {
      if (typeof part === 'string') text += part
      else {
        const capture = match[part] ?? ''
        text += escape === undefined ? capture : escape(capture)
      }
    }
    return text
  }

  /** The same for `String.replace`, which then needs no callback. */
  toReplacement(regex: RegExp): string {
    const groups = groupCount(regex)
    // Always two digits: "$1" before a literal "0" would be read as group 10.
    const reference = (group: number): string => {
      if (group === 0) return '$&'
      return group > groups || group > 99 ? '' : `$${String(group).padStart(2, '0')}`
    }
    return this.parts
      .map((part) => (typeof part === 'string' ? part.replaceAll('$', '$$$$') : reference(part)))
      .join('')
  }
}

/** An expression that also matches nothing matches the empty text, with a place for each of its groups. */
const groupCount = (regex: RegExp): number => (new RegExp(`${regex.source}|`, regex.flags).exec('')?.length ?? 1) - 1

function describe(rest: string): string {
  const name = /^\$\{?([A-Za-z_]\w*)/.exec(rest)?.[1]
  return name === undefined
    ? 'has a "$" that stands for nothing; write "$1" for a capture, "$$" for a dollar sign'
    : `"$${name}" is a variable, which cannot stand here; only captures such as "$1" can ("$$" is a dollar sign)`
}
