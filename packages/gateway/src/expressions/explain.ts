import { compileExpression, isLogical } from './compile.ts'
import { quoted } from './expression-error.ts'
import type { VariableSource } from './variables.ts'

/**
 * Says which part of a valid expression is the first that is not true: `[0]: arg_x == 1 is not true (arg_x is "2")`.
 * Undefined when the whole is true. For people; compiles as it goes.
 */
export function explainExpression(vars: unknown, source: VariableSource): string | undefined {
  if (!Array.isArray(vars) || vars.length === 0) return undefined
  if (isLogical(vars[0])) {
    return compileExpression(vars)(source) ? undefined : `: ${describe(vars)} is not true`
  }
  for (const [index, part] of vars.entries()) {
    if (compileExpression([part])(source)) continue
    return `[${index}]: ${describe(part)} is not true${readValue(part, source)}`
  }
  return undefined
}

function readValue(part: unknown, source: VariableSource): string {
  if (!Array.isArray(part) || typeof part[0] !== 'string' || isLogical(part[0])) return ''
  const name: string = part[0]
  const value = source.variable(name)
  return value === undefined ? ` (the request has no ${name})` : ` (${name} is ${quoted(value)})`
}

function describe(part: unknown): string {
  if (!Array.isArray(part)) return quoted(part)
  if (Array.isArray(part[0])) return part.map(describe).join(' and ')
  if (isLogical(part[0])) return `${part[0].toUpperCase()}(${part.slice(1).map(describe).join(', ')})`
  const [variable, ...rest] = part
  if (rest.length === 1) return `${String(variable)} == ${quoted(rest[0])}`
  const negated = rest[0] === '!'
  const [operator, constant] = negated ? rest.slice(1) : rest
  const text = `${String(variable)} ${String(operator)} ${quoted(constant)}`
  return negated ? `not (${text})` : text
}
