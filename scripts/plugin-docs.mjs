// Writes docs/plugins from the schemas and doc comments of the built-in plugins. Run it after a build:
//   node scripts/plugin-docs.mjs            writes the pages
//   node scripts/plugin-docs.mjs --check    changes nothing; fails when a page is out of date
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const built = new URL('packages/gateway/dist/plugins/', root)
const sources = new URL('packages/gateway/src/plugins/', root)
const folder = new URL('docs/plugins/', root)

const check = process.argv.includes('--check')
const unknown = process.argv.slice(2).filter((argument) => argument !== '--check')
if (unknown.length > 0) fail(`unknown argument ${unknown[0]}; the only one is --check`)
if (!existsSync(new URL('built-in.js', built))) fail('packages/gateway is not built; run "npm run build" first')

const { builtInNames, loadBuiltIn } = await import(new URL('built-in.js', built))
const { leadingDocComment, renderPluginIndex, renderPluginPage } = await import(new URL('documentation.js', built))

const plugins = await Promise.all(builtInNames().map(documented))
const pages = new Map(
  plugins.map(({ definition, docComment }) => [`${definition.name}.md`, renderPluginPage(definition, docComment)]),
)
pages.set('README.md', renderPluginIndex(plugins))

const present = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.md')) : []
const superfluous = present.filter((name) => !pages.has(name))
const stale = [...pages.keys()].filter((name) => !present.includes(name) || read(name) !== pages.get(name))

if (check) {
  for (const name of stale) console.error(`docs/plugins/${name} is out of date`)
  for (const name of superfluous) console.error(`docs/plugins/${name} belongs to no plugin`)
  if (stale.length + superfluous.length > 0) fail('run "node scripts/plugin-docs.mjs"')
  console.log(`docs/plugins: ${pages.size} pages, all up to date`)
} else {
  mkdirSync(folder, { recursive: true })
  for (const name of stale) writeFileSync(new URL(name, folder), pages.get(name))
  for (const name of superfluous) rmSync(new URL(name, folder))
  console.log(`docs/plugins: ${pages.size} pages, ${stale.length} written, ${superfluous.length} removed`)
}

async function documented(name) {
  const definition = await loadBuiltIn(name)
  const docComment = leadingDocComment(readFileSync(new URL(`${name}.ts`, sources), 'utf8'))
  if (docComment === undefined) fail(`packages/gateway/src/plugins/${name}.ts does not begin with a doc comment`)
  return { definition, docComment }
}

function read(name) {
  return readFileSync(new URL(name, folder), 'utf8')
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
