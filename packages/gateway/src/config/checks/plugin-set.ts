import type { TSchema } from 'typebox'
import type { ConfigProblem, PluginDefinition } from '../../plugins/definition.ts'
import { MAX_NESTING, usesOf } from '../../plugins/plugin-uses.ts'
import { withDefaults } from '../../resources/defaults.ts'
import { PluginMeta, type PluginSet } from '../../resources/plugin-set.ts'
import { explainSchema } from '../explain/explain.ts'
import { suggest } from '../explain/suggest.ts'
import { pointerPart, shortText, shortValue } from '../problem.ts'
import { valueAt } from '../explain/schema-node.ts'
import type { CheckContext } from './entry.ts'
import { checkExpression } from './expressions.ts'
import { checkNestedUpstream } from './nested-upstreams.ts'
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
    if (onConsumer && plugin.type === 'auth' && !forConsumer) {
      findingOfCredential(context, name, path)
      continue
    }
    if (forConsumer) checkConsumerConfig(context, plugin, config, path)
    else checkPluginConfig(context, plugin, config, path, 0)
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

/** Recognises callers by what other plugins know of them: it would do nothing on a consumer. */
function findingOfCredential({ findings }: CheckContext, name: string, path: string): void {
  findings.add({
    path,
    atKey: true,
    message: `plugin "${name}" has no credentials that a consumer could have`,
    remedy: 'configure it on a route or service',
  })
}

function checkConsumerConfig(context: CheckContext, plugin: PluginDefinition, config: unknown, path: string): void {
  const schema = plugin.consumerSchema!
  if (!checkShape(context, schema, config, path)) return
  // What stands on a consumer is secret for the most part: values are not shown.
  attempt(context, path, {}, () => plugin.checkConsumer?.(withDefaults(schema, config)))
}

/** Whether a configuration is as a schema says. */
function checkShape({ findings }: CheckContext, schema: TSchema, config: unknown, path: string): boolean {
  const wrong = explainSchema(schema, config, path)
  for (const finding of wrong) findings.add(finding)
  return wrong.length === 0
}

function checkPluginConfig(
  context: CheckContext,
  plugin: PluginDefinition,
  config: unknown,
  path: string,
  depth: number,
): void {
  if (!checkShape(context, plugin.schema, config, path)) return
  attempt(context, path, config, () => {
    const found = plugin.check?.(withDefaults(plugin.schema, config))
    if (found === undefined) checkWithin(context, plugin, config, path, depth)
    return found
  })
}

/** What a check of the plugin's own finds, or throws. */
function attempt(
  { findings }: CheckContext,
  path: string,
  config: unknown,
  check: () => ConfigProblem | undefined,
): void {
  try {
    const found = check()
    if (found === undefined) return
    const value = found.path === '' ? undefined : shortValue(valueAt(config, found.path))
    findings.add({ path: path + found.path, value, ...reasonOf(found.message) })
  } catch (error) {
    findings.add({ path, message: `the check of the plugin failed: ${reasonOf(error).message}` })
  }
}

/** The plugins and upstreams within a plugin's configuration are checked as they would be where they usually stand. */
function checkWithin(
  context: CheckContext,
  plugin: PluginDefinition,
  config: unknown,
  path: string,
  depth: number,
): void {
  if (plugin.uses === undefined) return
  const { findings } = context
  const { plugins = [], upstreams = [] } = usesOf(plugin, config)
  for (const { path: at, name, config: own, type } of plugins) {
    const where = path + at
    if (findings.full) return
    if (depth >= MAX_NESTING) {
      findings.add({ path: where, message: `more than ${MAX_NESTING} plugins stand within each other` })
      continue
    }
    const inner = knownPlugin(context, name, where)
    if (inner === undefined) continue
    if (type !== undefined && inner.type !== type) {
      findings.add({
        path: where,
        atKey: true,
        message: `plugin "${name}" does not recognise callers, and "${plugin.name}" needs plugins that do`,
        remedy: 'write an auth plugin, as key-auth',
      })
      continue
    }
    const { _meta: meta, ...rest } = own
    if (meta !== undefined) {
      findings.add({
        path: `${where}/_meta`,
        atKey: true,
        message: 'has no meaning on a plugin within another one',
        remedy: 'remove it, or write it on the plugin that holds this one',
      })
    }
    checkPluginConfig(context, inner, rest, where, depth + 1)
  }
  for (const nested of upstreams) checkNestedUpstream(context, nested, path)
}
