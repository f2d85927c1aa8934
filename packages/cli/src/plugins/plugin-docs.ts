import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pluginFiles } from '@sekisho/gateway/internal/node/plugin-folders'
import { type DocumentedPlugin, leadingDocComment, pluginPages } from '@sekisho/gateway/internal/plugins/documentation'
import { comparePages, writePages } from '@sekisho/gateway/internal/plugins/documentation-folder'
import { loadPlugin } from '@sekisho/gateway/testing'
import { Failure, say } from '../failure.ts'

export interface PluginDocsOptions {
  readonly output?: string
  readonly check?: boolean
}

const MADE = '<!-- Made from the source by sekisho plugin docs: edit the doc comment or the schema there. -->'

/** `sekisho plugin docs`: a page for each plugin of a folder, from its doc comment and schemas. Pages that somebody wrote stay. */
export async function pluginDocs(
  dir: string,
  { output = join(dir, 'docs'), check = false }: PluginDocsOptions,
): Promise<void> {
  if (!existsSync(dir)) throw new Failure(`${dir} does not exist`)
  const files = await pluginFiles([dir])
  if (files.length === 0) throw new Failure(`${dir} has no plugins: .ts, .mts, .js or .mjs files`)
  const pages = pluginPages(await Promise.all(files.map(documented)), MADE)
  const difference = comparePages(output, pages, (text) => text.startsWith(MADE))
  const { stale, superfluous } = difference
  if (check) {
    for (const name of stale) say(`${join(output, name)} is out of date`)
    for (const name of superfluous) say(`${join(output, name)} belongs to no plugin`)
    if (stale.length + superfluous.length > 0) throw new Failure(`run "sekisho plugin docs ${dir}"`)
    process.stdout.write(`${output}: ${pages.size} pages, all up to date\n`)
    return
  }
  writePages(output, pages, difference)
  process.stdout.write(`${output}: ${pages.size} pages, ${stale.length} written, ${superfluous.length} removed\n`)
}

async function documented(file: string): Promise<DocumentedPlugin> {
  const docComment = leadingDocComment(readFileSync(file, 'utf8'))
  if (docComment === undefined)
    throw new Failure(
      `${relative('.', file)} does not begin with a doc comment (/** … */) that says what the plugin is for`,
    )
  try {
    return { definition: await loadPlugin(file), docComment }
  } catch (error) {
    throw new Failure(`${relative('.', file)} is no plugin: ${(error as Error).message}`)
  }
}
