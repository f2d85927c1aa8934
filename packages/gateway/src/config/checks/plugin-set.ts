import type { TSchema } from 'typebox'
import type { PluginDefinition } from '../../plugins/definition.ts'
import { withDefaults } from '../../resources/defaults.ts'
import { PluginMeta, type PluginSet } from '../../resources/plugin-set.ts'
import { explainSchema } from '../explain/explain.ts'
import { suggest } from '../explain/suggest.ts'
import { pointerPart, shortText, shortValue } from '../problem.ts'
import { valueAt } from '../explain/schema-node.ts'
import type { CheckContext } from './entry.ts'
import { checkExpression } from './expressions.ts'
import { reasonOf } from './reason.ts'

/**
 * Plugins must be known and allowed, and configured as they say. `onConsumer`: auth plugins have another configuration
 * there.
 */
export function checkPluginSet(context: CheckContext, plugins: PluginSet, base: string, onConsumer = false): void {
  for (const name of Object.keys(plugins)) {
    if (context.findings.full) return
    const path = `${base}/${pointerPart(name)}`
    const plugin = knownPlugin(context, name, path)
    if (plugin === undefined) continue
    const { _meta: meta, ...config } = plugins[name]!
    if (meta !== undefined && !checkMeta(context, meta, `${path}/_meta`)) continue
    const forConsumer = onConsumer && plugin.type === 'auth' && plugin.consumerSchema !== undefined
    checkPluginConfig(context, plugin, forConsumer ? plugin.consumerSchema! : plugin.schema, config, path, !forConsumer)
  }
}

/** The plugin of this name, when it is there and allowed; a finding otherwise. `path` is the place that names it. */
export function knownPlugin(context: CheckContext, name: string, path: string): PluginDefinition | undefined {
  const { plugins, allowed, findings } = context
  const plugin = plugins.get(name)
  if (plugin === undefined) {
    const meant = suggest(name, plugins.names())
    findings.add({
      path,
      atKey: true,
      message: `unknown plugin "${shortText(name)}"`,
      remedy: meant === undefined ? undefined : `did you mean "${meant}"?`,
    })
  } else if (allowed?.has(name) === false) {
    findings.add({
      path,
      atKey: true,
      message: `plugin "${name}" is not allowed on this node`,
      remedy: 'add it to "plugins" at the top',
    })
    return undefined
  }
  return plugin
}

/** Returns whether the configuration of the plugin is to be checked as well: APISIX accepts anything for disabled ones. */
function checkMeta({ findings }: CheckContext, meta: unknown, path: string): boolean {
  const wrong = explainSchema(PluginMeta, meta, path)
  for (const finding of wrong) findings.add(finding)
  if (wrong.length > 0) return true
  const { disable, filter } = meta as PluginMeta
  if (filter !== undefined) checkExpression(findings, filter, `${path}/filter`)
  return disable !== true
}

function checkPluginConfig(
  { findings }: CheckContext,
  plugin: PluginDefinition,
  schema: TSchema,
  config: unknown,
  path: string,
  withCheck: boolean,
): void {
  const wrong = explainSchema(schema, config, path)
  for (const finding of wrong) findings.add(finding)
  if (wrong.length > 0 || !withCheck || plugin.check === undefined) return
  try {
    const found = plugin.check(withDefaults(schema, config))
    if (found === undefined) return
    const value = found.path === '' ? undefined : shortValue(valueAt(config, found.path))
    findings.add({ path: path + found.path, value, ...reasonOf(found.message) })
  } catch (error) {
    findings.add({ path, message: `the check of the plugin failed: ${reasonOf(error).message}` })
  }
}
