// Writes docs/plugins from the schemas and doc comments of the built-in plugins. Run it after a build:
//   node scripts/plugin-docs.mjs            writes the pages
//   node scripts/plugin-docs.mjs --check    changes nothing; fails when a page is out of date
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const built = new URL('packages/gateway/dist/plugins/', root)
const sources = new URL('packages/gateway/src/plugins/', root)
const folder = new URL('docs/plugins/', root)

const check = process.argv.includes('--check')
const unknown = process.argv.slice(2).filter((argument) => argument !== '--check')
if (unknown.length > 0) fail(`unknown argument ${unknown[0]}; the only one is --check`)
if (!existsSync(new URL('built-in.js', built))) fail('packages/gateway is not built; run "npm run build" first')

const { builtInNames, loadBuiltIn } = await import(new URL('built-in.js', built))
const { leadingDocComment, pluginPages } = await import(new URL('documentation.js', built))
const { comparePages, writePages } = await import(new URL('documentation-folder.js', built))

const pages = pluginPages(await Promise.all(builtInNames().map(documented)))
const difference = comparePages(fileURLToPath(folder), pages)
const { stale, superfluous } = difference

if (check) {
  for (const name of stale) console.error(`docs/plugins/${name} is out of date`)
  for (const name of superfluous) console.error(`docs/plugins/${name} belongs to no plugin`)
  if (stale.length + superfluous.length > 0) fail('run "node scripts/plugin-docs.mjs"')
  console.log(`docs/plugins: ${pages.size} pages, all up to date`)
} else {
  writePages(fileURLToPath(folder), pages, difference)
  console.log(`docs/plugins: ${pages.size} pages, ${stale.length} written, ${superfluous.length} removed`)
}

async function documented(name) {
  const definition = await loadBuiltIn(name)
  const docComment = leadingDocComment(readFileSync(new URL(`${name}.ts`, sources), 'utf8'))
  if (docComment === undefined) fail(`packages/gateway/src/plugins/${name}.ts does not begin with a doc comment`)
  return { definition, docComment }
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
