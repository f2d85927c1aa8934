import { compileRegularExpression } from '../../expressions/index.ts'
import { CaptureTemplate } from '../rewriting/captures.ts'

/** What stands in a log in place of what cannot be masked. */
export const HIDDEN = '***'

/** Characters of a text that is searched: expressions are known to be quick on so many (see expressions/backtracking). */
export const MAX_SEARCHED_LENGTH = 8_192

/** Gives the text that takes the place of one; undefined: it is taken out. */
export type MaskChange = (text: string) => string | undefined

export interface CompiledRule {
  readonly name: string
  readonly pointer: string
  readonly body_format?: 'json' | 'urlencoded' | undefined
  readonly change: MaskChange
}

/** @throws ExpressionError below `pointer` */
export function maskChange(
  rule: { readonly action: string; readonly regex?: string; readonly value?: string },
  pointer: string,
): MaskChange {
  const { action, regex = '', value = '' } = rule
  if (action === 'remove') return () => undefined
  if (action === 'replace') return () => value
  const compiled = compileRegularExpression(regex, false, `${pointer}/regex`)
  const all = new RegExp(compiled.source, `${compiled.flags}g`)
  const replacement = new CaptureTemplate(value, `${pointer}/value`).toReplacement(all)
  return (text) => (text.length > MAX_SEARCHED_LENGTH ? HIDDEN : text.replace(all, replacement))
}
