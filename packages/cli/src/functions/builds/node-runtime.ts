import { RUNTIMES } from '@sekisho/functions/internal/runtimes/runtime-names'

/** For a Node.js that is no runtime of Lambda's. */
const NEWEST = RUNTIMES.filter((name) => name.startsWith('nodejs')).at(-1)!

/** Of this process, which is mostly that of the engine, too. */
export function nodeRuntime(): string {
  const own = `nodejs${process.versions.node.split('.', 1)[0]}.x`
  return (RUNTIMES as readonly string[]).includes(own) ? own : NEWEST
}
