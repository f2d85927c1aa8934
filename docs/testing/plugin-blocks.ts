import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleModule } from '../../packages/gateway/src/config/module/bundle.ts'
import { importPlugin } from '../../packages/gateway/src/node/user-plugin.ts'
import type { PluginDefinition } from '../../packages/gateway/src/plugins/definition.ts'
import { type CodeBlock, guides, ROOT } from './markdown.ts'

/** What `@sekisho/gateway` means within a plugin: the built one, as data: modules are Node's own and not the test runner's. */
const BUILT_GATEWAY = pathToFileURL(join(ROOT, 'packages/gateway/dist/index.js'))

export const isPlugin = ({ language, text }: CodeBlock): boolean => language === 'ts' && text.includes('definePlugin({')

/** The plugins of the documentation, loaded the way a gateway loads those of a user. */
export async function documentedPlugins(): Promise<Map<string, PluginDefinition>> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-docs-'))
  try {
    const plugins = new Map<string, PluginDefinition>()
    for (const [index, block] of guides()
      .flatMap((page) => page.blocks.filter(isPlugin))
      .entries()) {
      const file = join(folder, `plugin-${index}.ts`)
      writeFileSync(file, block.text)
      const definition = await importPlugin(file, await bundleModule(file, { gateway: BUILT_GATEWAY }))
      plugins.set(definition.name, definition)
    }
    return plugins
  } finally {
    rmSync(folder, { recursive: true })
  }
}
