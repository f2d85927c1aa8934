import { explainSchema } from '../explain/explain.ts'
import type { CheckContext, Entry } from './entry.ts'
import { knownPlugin } from './plugin-set.ts'

/** The metadata of a plugin must be as the plugin says. */
export function checkPluginMetadata(context: CheckContext, { id, item, path }: Entry): void {
  const plugin = knownPlugin(context, id, `${path}/id`)
  if (plugin === undefined) return
  const { id: _id, create_time: _created, update_time: _updated, ...metadata } = item
  if (plugin.metadataSchema === undefined) {
    context.findings.add({ path, message: `plugin "${id}" has no metadata`, remedy: 'remove the entry' })
    return
  }
  for (const finding of explainSchema(plugin.metadataSchema, metadata, path)) context.findings.add(finding)
}
