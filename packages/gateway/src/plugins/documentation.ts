import type { PluginDefinition } from './definition.ts'
import { code, optionRows, type OptionRow, schemaRules, type SchemaNode } from './schema-rows.ts'

/** What a plugin's page is made of. */
export interface DocumentedPlugin {
  readonly definition: PluginDefinition
  /** The doc comment at the beginning of its source, in Markdown. */
  readonly docComment: string
}

/** The text of the doc comment that a source file begins with; undefined when it begins with anything else. */
export function leadingDocComment(source: string): string | undefined {
  const comment = /^\s*\/\*\*([\s\S]*?)\*\//.exec(source)?.[1]
  if (comment === undefined) return undefined
  const text = comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
  return text === '' ? undefined : text
}

/** A page for each of them, and one that leads there, by file name. */
export function pluginPages(plugins: readonly DocumentedPlugin[], made = MADE): Map<string, string> {
  const pages = new Map(
    plugins.map(({ definition, docComment }) => [
      `${definition.name}.md`,
      renderPluginPage(definition, docComment, made),
    ]),
  )
  return pages.set('README.md', renderPluginIndex(plugins, made))
}

/** The page of a plugin in Markdown: what its source says about it, then every option of its schemas. */
export function renderPluginPage(definition: PluginDefinition, docComment: string, made = MADE): string {
  const { name, schema, consumerSchema, metadataSchema } = definition
  const sections = [
    made,
    `# ${name}`,
    docComment,
    facts(definition),
    section('Options', schema, 'This plugin has no options.'),
    consumerSchema && section('Options on a consumer', consumerSchema, 'Nothing has to be said on a consumer.'),
    metadataSchema &&
      section(`Metadata (\`plugin_metadata\` with the id \`${name}\`)`, metadataSchema, 'There is none.'),
  ]
  return sections.filter((part) => part !== undefined).join('\n\n') + '\n'
}

/** The page that leads to the others, the plugins in the order in which they run. */
export function renderPluginIndex(plugins: readonly DocumentedPlugin[], made = MADE): string {
  const sorted = [...plugins].sort(
    ({ definition: a }, { definition: b }) => b.priority - a.priority || (a.name < b.name ? -1 : 1),
  )
  const rows = sorted.map(({ definition: { name, priority }, docComment }) => [
    `[${name}](${name}.md)`,
    String(priority),
    firstSentence(docComment),
  ])
  const intro =
    'In the order in which they run within a phase: higher priority first. `_meta.priority` changes it in one place, `_meta.disable` switches a plugin off there, `_meta.filter` lets it run for some requests only.'
  return [made, '# Plugins', intro, table(['Plugin', 'Priority', 'What it does'], rows)].join('\n\n') + '\n'
}

const MADE = '<!-- Made from the source by scripts/plugin-docs.mjs: edit the doc comment or the schema there. -->'

function facts({ priority, type, runPolicy, consumerKey }: PluginDefinition): string {
  const sentences = [`Priority ${priority}.`]
  if (type === 'auth') sentences.push('Recognises consumers; what they are recognised by is written on the consumer.')
  if (consumerKey !== undefined) sentences.push(`No two consumers may have the same \`${consumerKey}\`.`)
  if (runPolicy === 'prefer_route') sentences.push('In a global rule it is skipped for routes that have it themselves.')
  return sentences.join(' ')
}

function section(title: string, schema: object, empty: string): string {
  const node = schema as SchemaNode
  const rows = optionRows(node)
  const rules = schemaRules(node)
  const parts = [`## ${title}`, rows.length === 0 ? empty : table(HEADINGS, rows.map(cells))]
  if (rules.length > 0) parts.push(`Refused as well:\n\n${rules.map((rule) => `- ${rule}`).join('\n')}`)
  return parts.join('\n\n')
}

const HEADINGS = ['Name', 'Type', 'Required', 'Default', 'Bounds', 'Description']

const cells = ({ name, type, required, fallback, bounds, description }: OptionRow): string[] => [
  code(name),
  type,
  required ? 'yes' : 'no',
  fallback === undefined ? '' : code(JSON.stringify(fallback)),
  bounds.join('; '),
  description,
]

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (columns: readonly string[]): string => `| ${columns.map(cell).join(' | ')} |`
  return [line(headings), `|${' --- |'.repeat(headings.length)}`, ...rows.map(line)].join('\n')
}

/** A bar ends a cell of a table even in code, and a line end ends the row. */
const cell = (text: string): string => text.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')

function firstSentence(docComment: string): string {
  const paragraph = docComment.split('\n\n', 1)[0].replace(/\s*\n\s*/g, ' ')
  return /^.*?\.(?= [A-Z`]|$)/.exec(paragraph)?.[0] ?? paragraph
}
