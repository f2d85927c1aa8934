import type { Command } from 'commander'
import type { NewPluginOptions } from '../plugins/new-plugin.ts'
import type { PluginDocsOptions } from '../plugins/plugin-docs.ts'

/** `sekisho plugin …`: plugins of your own. */
export function pluginCommands(sekisho: Command): void {
  const plugin = sekisho
    .command('plugin')
    .description('plugins of your own: begin one with its test, write its documentation')
    .addHelpText(
      'after',
      `
Examples:
  sekisho plugin new block-agents
  sekisho plugin docs plugins`,
    )

  plugin
    .command('new')
    .description('a plugin that works, and its test, to be changed into yours')
    .argument('<name>', 'lower-case letters, digits and "-"')
    .option('--dir <folder>', 'where plugins are', 'plugins')
    .addHelpText(
      'after',
      `
Writes FOLDER/NAME.ts and FOLDER/NAME.test.mjs, and nothing over a file that is there. The gateway finds plugins in the
folder plugins beside sekisho.yaml, or in those that plugin_paths names.

Examples:
  sekisho plugin new block-agents
  sekisho plugin new block-agents --dir src/plugins`,
    )
    .action(async (name: string, options: NewPluginOptions) =>
      (await import('../plugins/new-plugin.ts')).newPlugin(name, options),
    )

  plugin
    .command('docs')
    .description('a page for each plugin of a folder, from its doc comment and its schema')
    .argument('[dir]', 'where plugins are', 'plugins')
    .option('-o, --output <folder>', 'of the pages; left out: docs in that folder')
    .option('--check', 'write nothing; exit status 1 when a page is out of date')
    .addHelpText(
      'after',
      `
A plugin's file begins with a doc comment: its first sentence is the summary, a yaml block its example. Options come
from the schema, with the "description" of each. Pages that were written by hand are left alone.

Examples:
  sekisho plugin docs
  sekisho plugin docs src/plugins --output docs/plugins --check`,
    )
    .action(async (dir: string, options: PluginDocsOptions) =>
      (await import('../plugins/plugin-docs.ts')).pluginDocs(dir, options),
    )
}
