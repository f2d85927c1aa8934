import type { NamedFilterSettings } from '../config/settings/wasm.ts'
import { definePlugin, type PluginDefinition } from '../plugins/definition.ts'
import { withDefaults } from '../resources/defaults.ts'
import { Type, type Static } from '../schema/type.ts'
import { confField, type FilterConfig, runFields } from './filter-config.ts'
import { createFilter, filterProblem } from './filter.ts'

const RunOptions = Type.Object(runFields)

/** A filter as a plugin with a name of its own: what it is stands in `wasm.plugins` of the node, what it is told on the route (`conf`). */
export function namedFilter({ name, priority, file, ...run }: NamedFilterSettings): PluginDefinition {
  const options = withDefaults(RunOptions, run) as Static<typeof RunOptions>
  const complete = (conf: FilterConfig['conf']): FilterConfig => ({
    ...options,
    path: file,
    ...(conf === undefined ? {} : { conf }),
  })
  return definePlugin({
    name,
    priority,
    schema: Type.Object({ conf: confField }, { additionalProperties: false }),
    check({ conf }) {
      const problem = filterProblem(complete(conf))
      // What is wrong with the module is not the route's fault, but it is where the filter is wanted.
      return problem?.path === '/conf' || problem === undefined
        ? problem
        : { path: '', message: `${file}: ${problem.message}` }
    },
    create: ({ conf }, context) => createFilter(name, complete(conf), context),
  }) as unknown as PluginDefinition
}

/** The same as the code of a plugin of the user's: it reaches workers on the same way. */
export function namedFilterCode(settings: NamedFilterSettings): string {
  return `import { namedFilter } from ${JSON.stringify(import.meta.url)}\nexport default namedFilter(${JSON.stringify(settings)})\n`
}
