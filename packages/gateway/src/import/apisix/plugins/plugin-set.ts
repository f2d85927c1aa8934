import { pointerPart } from '../../../config/problem.ts'
import type { Fields } from '../../output/noted.ts'
import type { ImportContext, Resource } from '../import-context.ts'
import { readUpstream } from '../resources/upstream.ts'
import { isFields } from '../source/source-item.ts'
import { adjust } from './adjust.ts'
import { settleEmptyTables } from './empty-tables.ts'
import { isCredential, isFilter, isGuard } from './guards.ts'
import { isLua, loseLua, LUA_FUNCTIONS } from './lua.ts'
import { withoutEqual } from './without-equal.ts'

/** Reads the `plugins` of a resource, in place: what is not here is told and taken out. */
export function readPlugins(resource: Resource, context: ImportContext): void {
  const written = resource.fields['plugins']
  if (written === undefined) return
  const plugins: Fields = {}
  resource.fields['plugins'] = plugins
  // An empty table of Lua may have become a list.
  if (Array.isArray(written) && written.length === 0) return
  if (!isFields(written)) return context.report.add('invalid', `${resource.path}/plugins`, 'must be an object')
  for (const [name, config] of Object.entries(written)) readPlugin(resource, plugins, name, config, context)
}

function readPlugin(resource: Resource, plugins: Fields, name: string, written: unknown, context: ImportContext): void {
  const path = `${resource.path}/plugins/${pointerPart(name)}`
  const config = copyOf(written)
  if (config === undefined) {
    context.report.add('invalid', path, 'must be an object')
    return loseGuard(resource, name, context)
  }
  const meta = copyOf(config['_meta'])
  if (meta?.['pre_function'] !== undefined) {
    delete meta['pre_function']
    context.report.add('not carried over', `${path}/_meta/pre_function`, 'it is Lua; write a plugin in TypeScript')
    context.lostFilters.add(`_meta.pre_function of ${name}`)
    if (Object.keys(meta).length === 0) delete config['_meta']
    else config['_meta'] = meta
  }
  const definition = context.plugins.get(name)
  if (definition === undefined) {
    if (meta?.['disable'] === true)
      return context.report.add('warning', path, 'is disabled, and there is no plugin of this name')
    context.report.add('not carried over', path, withoutEqual(name))
    return loseGuard(resource, name, context)
  }
  const onConsumer = resource.kind === 'consumers' ? definition.consumerSchema : undefined
  settleEmptyTables(onConsumer ?? definition.schema, config)
  if (isLua(name, config)) {
    context.report.add(
      'not carried over',
      `${path}/functions`,
      `${LUA_FUNCTIONS}: the plugin is left out (write them anew)`,
    )
    return loseLua(resource, name, config, context)
  }
  adjust(name, config, path, context.report)
  if (name === 'traffic-split') readWeightedUpstreams(config, path, resource, context)
  plugins[name] = config
}

/** Upstreams within the rules of `traffic-split` are as any other. */
function readWeightedUpstreams(config: Fields, path: string, resource: Resource, context: ImportContext): void {
  for (const [at, rule] of listOf(config['rules']).entries())
    for (const [index, entry] of listOf(isFields(rule) ? rule['weighted_upstreams'] : []).entries()) {
      const upstream = isFields(entry) ? entry['upstream'] : undefined
      const place = `${path}/rules/${at}/weighted_upstreams/${index}/upstream`
      if (isFields(upstream)) readUpstream(upstream as Fields, place, resource, context)
    }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : [])

/** What follows from a plugin that is not in the result. */
export function loseGuard({ kind, lostGuards }: Resource, plugin: string, { lostFilters }: ImportContext): void {
  if (isFilter(plugin)) lostFilters.add(plugin)
  if (isGuard(plugin) && !(kind === 'consumers' && isCredential(plugin))) lostGuards.add(plugin)
}

/** undefined for what is no object. */
function copyOf(value: unknown): Fields | undefined {
  if (Array.isArray(value) && value.length === 0) return {}
  return isFields(value) ? structuredClone(value) : undefined
}
