import type { RequestContext } from '../request-context.ts'
import { variableReader, type VariableReader } from './variables.ts'

/** Makes a text of a request. */
export type TextTemplate = (context: RequestContext) => string

const VARIABLE = /\\\$|\$(?:\{([A-Za-z0-9_.-]+)\}|([A-Za-z0-9_]+))/g

/**
 * Compiles a text with `$name` and `${name}` in it, as APISIX resolves them: a variable that the request does not have is the empty
 * string, `\$` is a dollar sign, and a `$` that begins no name stays. A text without variables costs nothing per request.
 */
export function compileText(text: string): TextTemplate {
  const parts: (string | VariableReader)[] = []
  let from = 0
  for (const match of text.matchAll(VARIABLE)) {
    const name = match[1] ?? match[2]
    parts.push(text.slice(from, match.index), name === undefined ? '$' : variableReader(name))
    from = match.index + match[0].length
  }
  parts.push(text.slice(from))
  if (parts.every((part) => typeof part === 'string')) {
    const constant = parts.join('')
    return () => constant
  }
  return (context) => {
    let result = ''
    for (const part of parts) result += typeof part === 'string' ? part : (part(context) ?? '')
    return result
  }
}

/** Whether any variable stands in it. */
export const hasVariables = (text: string): boolean => [...text.matchAll(VARIABLE)].some((match) => match[0] !== '\\$')
