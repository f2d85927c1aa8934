import type { RequestContext } from '../../request-context.ts'
import { compileText, hasVariables } from '../../variables/template.ts'

/** Makes a text of a request and of what an expression captured of it. */
export type CaptureText = (context: RequestContext, captures: RegExpExecArray | null) => string

const CAPTURE = /\\\$|\$(\d+)/g

/**
 * Compiles a text with variables (`$remote_addr`, `${uri}`) and captures (`$1`; empty when nothing was captured). What
 * a variable or capture holds is not looked at again: APISIX expands variables in captured text, with which a client
 * may ask for any of them.
 */
export function compileCaptureText(text: string): CaptureText {
  const parts: CaptureText[] = []
  let from = 0
  for (const match of text.matchAll(CAPTURE)) {
    if (match[1] === undefined) continue
    if (match.index > from) parts.push(compileText(text.slice(from, match.index)))
    const group = Number(match[1])
    parts.push((_, captures) => captures?.[group] ?? '')
    from = match.index + match[0].length
  }
  const rest = text.slice(from)
  if (parts.length === 0) return compileText(rest)
  if (rest !== '') parts.push(compileText(rest))
  return (context, captures) => {
    let result = ''
    for (const part of parts) result += part(context, captures)
    return result
  }
}

/** Whether it is the same for every request. */
export const isConstant = (text: string): boolean => !hasVariables(text)
