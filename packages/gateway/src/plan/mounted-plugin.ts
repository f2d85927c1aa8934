import { compileExpression, type Condition } from '../expressions/index.ts'
import type { PluginDefinition, PluginHooks } from '../plugins/definition.ts'
import type { MountPlace } from '../plugins/context.ts'
import type { PluginMeta } from '../resources/plugin-set.ts'

/** A plugin in one place, ready to run. */
export interface MountedPlugin {
  // What a request reads stands first: it is in one cache line of the object.
  readonly hooks: PluginHooks
  /** `_meta.filter`: it runs for requests that match. */
  readonly filter: Condition | undefined
  /** `_meta.error_response`: the body of its answers with a status of 400 or more. */
  readonly errorResponse: string | object | undefined
  readonly name: string
  readonly place: MountPlace
  readonly priority: number
  readonly isAuth: boolean
  readonly runPolicy: 'prefer_route' | undefined
}

export function mountedPlugin(
  definition: PluginDefinition,
  place: MountPlace,
  meta: PluginMeta | undefined,
  hooks: PluginHooks,
): MountedPlugin {
  return {
    hooks,
    filter: meta?.filter === undefined ? undefined : compileExpression(meta.filter),
    errorResponse: meta?.error_response,
    name: definition.name,
    place,
    priority: meta?.priority ?? definition.priority,
    isAuth: definition.type === 'auth',
    runPolicy: definition.runPolicy,
  }
}
