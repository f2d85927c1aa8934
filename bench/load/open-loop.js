import { fileURLToPath } from 'node:url'
import { LOAD_CORE } from '../harness/cores.js'
import { launch } from '../harness/children.js'

const program = fileURLToPath(new URL('open-loop-main.js', import.meta.url))

/**
 * The generator spins, so the upstream beside it must come first whenever it has something to do. 5 is a third of
 * the weight of 0; with 10 the generator itself got too little as soon as anything else ran on the machine.
 */
const NICENESS = 5

/**
 * Starts the generator on the load core.
 * @param {import('./open-loop-generator.js').OpenLoopPlan} plan
 * @returns {{ finish: () => void, result: Promise<import('./open-loop-generator.js').OpenLoopResult> }}
 *   `finish` ends it before its time
 */
export function startOpenLoop(plan) {
  const args = ['-n', String(NICENESS), process.execPath, program, JSON.stringify(plan)]
  const child = launch({ core: LOAD_CORE, command: 'nice', args })
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
