import { fileURLToPath } from 'node:url'
import { LOAD_CORE } from '../harness/cores.js'
import { launch } from '../harness/children.js'

const program = fileURLToPath(new URL('open-loop-main.js', import.meta.url))

/**
 * Starts the generator on the load core.
 * @param {import('./open-loop-generator.js').OpenLoopPlan} plan
 * @returns {{ finish: () => void, result: Promise<import('./open-loop-generator.js').OpenLoopResult> }}
 *   `finish` ends it before its time
 */
export function startOpenLoop(plan) {
  const child = launch({ core: LOAD_CORE, command: process.execPath, args: [program, JSON.stringify(plan)] })
  return {
    finish: () => child.process.stdin?.end(),
    result: child.exited.then(() => parse(child.output())),
  }
}

/** @param {string} output */
function parse(output) {
  try {
    return JSON.parse(output)
  } catch {
    throw new Error(`the load generator failed: ${output}`)
  }
}
