import { withDefaults } from '../../resources/defaults.ts'
import { explainSchema } from '../explain/explain.ts'
import { valueAt } from '../explain/schema-node.ts'
import { shortValue } from '../problem.ts'
import type { CheckContext, Entry } from './entry.ts'
import { knownPlugin } from './plugin-set.ts'
import { reasonOf } from './reason.ts'

/** The metadata of a plugin must be as the plugin says. */
export function checkPluginMetadata(context: CheckContext, { id, item, path }: Entry): void {
  const plugin = knownPlugin(context, id, `${path}/id`)
  if (plugin === undefined) return
  const { id: _id, create_time: _created, update_time: _updated, ...metadata } = item
  if (plugin.metadataSchema === undefined) {
    context.findings.add({ path, message: `plugin "${id}" has no metadata`, remedy: 'remove the entry' })
    return
  }
  const wrong = explainSchema(plugin.metadataSchema, metadata, path)
  for (const finding of wrong) context.findings.add(finding)
  if (wrong.length > 0 || plugin.checkMetadata === undefined) return
  const found = plugin.checkMetadata(withDefaults(plugin.metadataSchema, metadata))
  if (found === undefined) return
  const value = found.path === '' ? undefined : shortValue(valueAt(metadata, found.path))
  context.findings.add({ path: path + found.path, value, ...reasonOf(found.message) })
}
