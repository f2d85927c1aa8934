import { loadConfigText } from '../../config/load.ts'
import { renderProblems } from '../../config/render.ts'
import type { PluginDefinition } from '../../plugins/definition.ts'
import { PluginRegistry } from '../../plugins/plugin-registry.ts'
import type { ReadConfiguration } from '../read-configuration.ts'

/** A configuration from what `sekisho.yaml` would hold, with all built-in plugins and these of the user's. */
export async function readDocument(
  document: object,
  own: readonly PluginDefinition[] = [],
): Promise<ReadConfiguration> {
  const plugins = new PluginRegistry()
  await plugins.loadAll()
  for (const definition of own) plugins.set(definition)
  const { config, problems } = await loadConfigText('test.json', JSON.stringify(document), { plugins })
  if (config === undefined) throw new Error(renderProblems(problems))
  return { config, plugins }
}
