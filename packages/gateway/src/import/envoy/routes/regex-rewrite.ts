import { compileRegularExpression, ExpressionError } from '../../../expressions/index.ts'
import type { Message } from '../reader/message.ts'

/** Reads a RegexMatchAndSubstitute as the two texts of `regex_uri`: `\1` becomes `$1`. */
export function readRegexRewrite(owner: Message, field: string): [regex: string, replacement: string] | undefined {
  const rewrite = owner.message(field)
  const pattern = rewrite?.message('pattern')
  pattern?.ignore('google_re2')
  const regex = pattern?.string('regex')
  if (rewrite === undefined || pattern === undefined || regex === undefined) return undefined
  try {
    compileRegularExpression(regex, false, '')
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    rewrite.loseAll(error.reason)
    return undefined
  }
  if (!regex.startsWith('^')) rewrite.warn(undefined, 'Envoy replaces every match, Sekisho the first')
  const substitution = rewrite.string('substitution') ?? ''
  const replacement = substitution
    .replaceAll('$', '$$$$')
    .replaceAll(/\\(\d|\\)/g, (_, part: string) => (part === '\\' ? '\\' : `\${${part}}`))
  return [regex, replacement.replaceAll(/\$\{(\d)\}(?!\d)/g, '$$$1')]
}
