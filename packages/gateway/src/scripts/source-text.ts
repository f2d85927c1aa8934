import { createRequire } from 'node:module'
import { Script } from 'node:vm'

/** Text of one function: more is a program, and belongs into a plugin. */
export const MAX_SOURCE_LENGTH = 262_144

/** At the beginning of a statement. */
const EXPORT = /(^|;)[ \t]*export\s+default\b/m
/** What JavaScript never begins or ends with. */
const LUA = /^\s*(?:--|local\s|return\s+function\b)|\bthen\b[^]*\bend\b|\bend\s*$/
const EXAMPLE = "(session) => session.request.headers.set('X-Seen', 'yes')"

/**
 * A function's text as a program whose value is the function; lines keep their numbers.
 *
 *     (session) => { … }
 *
 *     const known = new Set(['a', 'b'])
 *     export default (session) => { … }
 */
export function programOf(source: string): string {
  if (!EXPORT.test(source)) return `"use strict";(() => (${source.replace(/[\s;]+$/, '')}\n))()`
  return `"use strict";(() => {let $default;${source.replace(EXPORT, '$1 $$default = ')}\n;return $default})()`
}

/** What is wrong with the text of a function, for people. It is not run. */
export function sourceProblem(source: string): string | undefined {
  if (source.length > MAX_SOURCE_LENGTH) return `has more than ${MAX_SOURCE_LENGTH} characters; write a plugin`
  if (source.trim() === '') return `is empty; write ${EXAMPLE}`
  try {
    new Script(programOf(source), { filename: 'function' })
    return undefined
  } catch (error) {
    if (LUA.test(source)) return luaProblem
    const line = /^function:(\d+)/.exec((error as Error).stack ?? '')?.[1]
    return `is not a JavaScript function: ${(error as Error).message}${line === undefined ? '' : ` (line ${line})`}; write ${EXAMPLE}`
  }
}

const luaProblem = `is Lua, and functions are JavaScript here; write ${EXAMPLE}`

/** What is missing for the sandbox, and how to get it; undefined when it is installed. */
export function sandboxProblem(): string | undefined {
  const { resolve } = createRequire(import.meta.url)
  try {
    for (const name of SANDBOX_PACKAGES) resolve(name)
    return undefined
  } catch {
    return `needs libraries that are not installed: npm install ${SANDBOX_PACKAGES.join(' ')}`
  }
}

export const SANDBOX_PACKAGES = ['quickjs-emscripten-core', '@jitl/quickjs-wasmfile-release-sync'] as const
