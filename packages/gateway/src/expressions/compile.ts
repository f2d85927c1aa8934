import { ExpressionError, quoted } from './expression-error.ts'
import { OPERATORS } from './operators.ts'
import type { VariableSource } from './variables.ts'

/** An expression made ready: whether it is true of what `source` holds. */
export type Condition = (source: VariableSource) => boolean

const LOGICAL = new Set(['AND', 'OR', '!AND', '!OR'])

/** 32 levels are more than any hand-written expression has, and far from the depth that would exhaust the stack. */
const MAX_DEPTH = 32

/**
 * Compiles APISIX's `vars` (the language of lua-resty-expr) to closures.
 *
 * - `[[variable, operator, constant], …]`: all must be true; `[]` is always true.
 * - `[variable, "!", operator, constant]` negates, `[variable, constant]` means `==`.
 * - `["OR", …]`, `["AND", …]`, `["!OR", …]`, `["!AND", …]` with two or more expressions, in any case, nested at will.
 *
 * `==` and `~=` read the variable as a number when the constant is one; `null` is a missing variable. `>` `>=` `<` `<=`
 * compare numbers and are false of anything else. `in` compares text with text: `["arg_x", "in", [1]]` finds no text
 * `1`, as in APISIX. `has` reads the variable as a comma-separated list.
 * @throws ExpressionError with a JSON pointer to the part that is wrong
 */
export function compileExpression(vars: unknown): Condition {
  if (!Array.isArray(vars))
    throw new ExpressionError('', `${quoted(vars)} is not a list; write [["arg_name", "==", "json"]]`)
  if (vars.length === 0) return () => true
  if (!Array.isArray(vars[0]) && !isLogical(vars[0])) {
    throw new ExpressionError('', `a single expression stands in a list of its own; write ${quoted([vars])}`)
  }
  return compile(vars, '', 0)
}

/** Whether the head of a list makes it a logical node. */
export function isLogical(head: unknown): head is string {
  return typeof head === 'string' && LOGICAL.has(head.toUpperCase())
}

function compile(node: unknown, pointer: string, depth: number): Condition {
  if (!Array.isArray(node))
    throw new ExpressionError(pointer, `${quoted(node)} is not an expression; write ["arg_name", "==", "json"]`)
  if (node.length === 0) throw new ExpressionError(pointer, 'is empty; write ["arg_name", "==", "json"]')
  if (depth > MAX_DEPTH) throw new ExpressionError(pointer, `is nested more than ${MAX_DEPTH} levels deep`)
  if (Array.isArray(node[0])) return all(node.map((part, index) => compile(part, `${pointer}/${index}`, depth + 1)))
  if (isLogical(node[0])) return compileLogical(node, node[0], pointer, depth)
  return compileComparison(node, pointer)
}

function compileLogical(node: unknown[], head: string, pointer: string, depth: number): Condition {
  if (node.length < 3) throw new ExpressionError(pointer, `${quoted(head)} needs two or more expressions after it`)
  const parts = node.slice(1).map((part, index) => compile(part, `${pointer}/${index + 1}`, depth + 1))
  switch (head.toUpperCase()) {
    case 'OR':
      return any(parts)
    case '!OR':
      return negate(any(parts))
    case '!AND':
      return negate(all(parts))
    default:
      return all(parts)
  }
}

function compileComparison(node: unknown[], pointer: string): Condition {
  const name = node[0]
  if (typeof name !== 'string' || name === '') {
    throw new ExpressionError(
      `${pointer}/0`,
      `${quoted(name)} is not the name of a variable; write "arg_name", "http_host", …`,
    )
  }
  const [negated, operator, place] = readOperator(node, pointer)
  const make = OPERATORS.get(operator.toLowerCase())
  if (make === undefined) {
    throw new ExpressionError(
      `${pointer}/${place - 1}`,
      `invalid operator ${quoted(operator)}; operators are ${[...OPERATORS.keys()].join(' ')}`,
    )
  }
  const test = make(node[place], `${pointer}/${place}`)
  return negated ? (source) => !test(source.variable(name)) : (source) => test(source.variable(name))
}

/** Whether the comparison is negated, its operator, and where its constant stands. */
function readOperator(node: unknown[], pointer: string): [negated: boolean, operator: string, place: number] {
  if (node.length === 2 && !isOperator(node[1])) return [false, '==', 1]
  if (node.length === 4 && node[1] !== '!') {
    throw new ExpressionError(
      `${pointer}/1`,
      `four elements are a negation; write ${quoted([node[0], '!', node[2], node[3]])}`,
    )
  }
  const place = node[1] === '!' ? 3 : 2
  if (node.length !== place + 1) {
    const remedy =
      node.length <= place
        ? 'a value is missing; for a missing variable, write null'
        : 'there is something after the value'
    throw new ExpressionError(pointer, `is not [variable, operator, value]: ${remedy}`)
  }
  const operator = node[place - 1]
  if (typeof operator !== 'string')
    throw new ExpressionError(`${pointer}/${place - 1}`, `${quoted(operator)} is not an operator`)
  return [node[1] === '!', operator, place]
}

function isOperator(value: unknown): boolean {
  return typeof value === 'string' && (value === '!' || OPERATORS.has(value.toLowerCase()))
}

function all(parts: readonly Condition[]): Condition {
  if (parts.length === 1) return parts[0]
  return (source) => {
    for (const part of parts) if (!part(source)) return false
    return true
  }
}

function any(parts: readonly Condition[]): Condition {
  return (source) => {
    for (const part of parts) if (part(source)) return true
    return false
  }
}

function negate(part: Condition): Condition {
  return (source) => !part(source)
}
