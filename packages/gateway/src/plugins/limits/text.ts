import type { RequestContext } from '../../request-context.ts'
import { variableReader, type VariableReader } from '../../variables/variables.ts'

/** Makes a text of a request; undefined when none of its variables has a value. */
export type LimitText = (context: RequestContext) => string | undefined

const VARIABLE = /\\\$|\$(?:\{\s*([^}]+?)\s*\}|([\w.]+))/g

interface Part {
  readonly read: VariableReader
  /** What `${name ?? default}` says. */
  readonly fallback: string | undefined
  /** The text between this variable and the next. */
  readonly after: string
}

/**
 * Compiles a text with `$name`, `${name}` and `${name ?? default}` in it. Unlike `compileText` it tells a request that has none of
 * the variables from one whose variables are empty: a limit counts the first kind by address, or not at all. A default counts as a value.
 */
export function compileLimitText(text: string): LimitText {
  const { before, parts } = parse(text)
  if (parts.length === 0) return () => undefined
  return (context) => {
    let result = before
    let isResolved = false
    for (const part of parts) {
      const value = part.read(context) ?? part.fallback
      if (value !== undefined) {
        result += value
        isResolved = true
      }
      result += part.after
    }
    return isResolved ? result : undefined
  }
}

/** Whether any variable stands in it. */
export const namesVariables = (text: string): boolean => variableNames(text).length > 0

/** The variables in a text, in order. */
export function variableNames(text: string): string[] {
  const names: string[] = []
  for (const match of text.matchAll(VARIABLE)) if (match[0] !== '\\$') names.push(split(match)[0])
  return names
}

function parse(text: string): { before: string; parts: readonly Part[] } {
  let before = ''
  const parts: { read: VariableReader; fallback: string | undefined; after: string }[] = []
  const literal = (piece: string): void => {
    if (parts.length === 0) before += piece
    else parts[parts.length - 1].after += piece
  }
  let from = 0
  for (const match of text.matchAll(VARIABLE)) {
    literal(text.slice(from, match.index))
    from = match.index + match[0].length
    if (match[0] === '\\$') literal('$')
    else {
      const [name, fallback] = split(match)
      parts.push({ read: variableReader(name), fallback, after: '' })
    }
  }
  literal(text.slice(from))
  return { before, parts }
}

function split(match: RegExpExecArray): [name: string, fallback: string | undefined] {
  const [name, fallback] = (match[1] ?? match[2]).split(/\s*\?\?\s*/)
  return [name, fallback]
}
