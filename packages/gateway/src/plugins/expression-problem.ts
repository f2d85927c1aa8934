import { ExpressionError } from '../expressions/index.ts'
import type { ConfigProblem } from './definition.ts'

/**
 * What `compile` finds wrong with the expressions that it compiles, for `check` of a plugin; undefined when it finds nothing.
 * @param path of what is compiled: the pointer of the error goes on from there
 */
export function expressionProblem(path: string, compile: () => unknown): ConfigProblem | undefined {
  try {
    compile()
    return undefined
  } catch (error) {
    if (error instanceof ExpressionError) return { path: path + error.pointer, message: error.reason }
    throw error
  }
}
