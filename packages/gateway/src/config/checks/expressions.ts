import { compileExpression, ExpressionError } from '../../expressions/index.ts'
import { shortValue } from '../problem.ts'
import { valueAt } from '../explain/schema-node.ts'
import type { Findings } from '../problem.ts'
import { reasonOf } from './reason.ts'

/** An expression as in `vars` must compile. */
export function checkExpression(findings: Findings, expression: readonly unknown[], path: string): void {
  try {
    compileExpression(expression)
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    const { pointer } = error
    const text = error.message.slice(pointer === '' ? 0 : pointer.length + 2)
    findings.add({ path: path + pointer, value: shortValue(valueAt(expression, pointer)), ...reasonOf(text) })
  }
}
