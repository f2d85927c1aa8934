import type { Fields } from '../../output/noted.ts'
import type { ImportContext, Resource } from '../import-context.ts'

/** Plugins whose options are functions. */
const WITH_FUNCTIONS: ReadonlySet<string> = new Set([
  'exit-transformer',
  'serverless-post-function',
  'serverless-pre-function',
])

/** Phases in which a function may have refused the request. */
const DECIDING: ReadonlySet<unknown> = new Set(['rewrite', 'access', 'before_proxy'])

export const LUA_FUNCTIONS = 'they are Lua, and functions are JavaScript here'

/** Whether the work of a plugin is written in Lua. */
export const isLua = (plugin: string, { functions }: Fields): boolean =>
  WITH_FUNCTIONS.has(plugin) && Array.isArray(functions) && functions.length > 0

/** What follows from functions that are gone. Of one that runs before the answer, nobody here can know whom it refused. */
export function loseLua(
  { lostGuards }: Resource,
  plugin: string,
  config: Fields,
  { lostFilters }: ImportContext,
): void {
  if (plugin === 'exit-transformer') return
  const { phase = 'access' } = config
  if (DECIDING.has(phase)) lostGuards.add(plugin)
  else lostFilters.add(plugin)
}
