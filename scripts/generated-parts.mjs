// Parts of Markdown pages that are made from the source. Each stands between two comments:
//   <!-- made:NAME -->  ...  <!-- /made:NAME -->
import { readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)

/**
 * Writes the parts into their pages, or with `--check` says which are out of date and sets the exit status.
 * @param {Readonly<Record<string, Readonly<Record<string, string>>>>} pages text of each part, by name, by page
 * @param {string} command what to run to bring them up to date
 */
export function writeParts(pages, command) {
  const check = process.argv.includes('--check')
  const unknown = process.argv.slice(2).filter((argument) => argument !== '--check')
  if (unknown.length > 0) fail(`unknown argument ${unknown[0]}; the only one is --check`)
  const stale = []
  for (const [page, parts] of Object.entries(pages)) {
    const file = new URL(page, root)
    const before = readFileSync(file, 'utf8')
    const after = Object.entries(parts).reduce((text, [name, part]) => replacePart(page, text, name, part), before)
    if (after === before) continue
    stale.push(page)
    if (!check) writeFileSync(file, after)
  }
  if (!check) console.log(stale.length === 0 ? 'nothing to write' : `written: ${stale.join(', ')}`)
  else if (stale.length > 0) fail(`out of date: ${stale.join(', ')}; run "${command}"`)
  else console.log(`${Object.keys(pages).join(', ')}: up to date`)
}

/** @param {string} page @param {string} text @param {string} name @param {string} part */
function replacePart(page, text, name, part) {
  const [open, close] = [`<!-- made:${name} -->`, `<!-- /made:${name} -->`]
  const start = text.indexOf(open)
  const end = text.indexOf(close)
  if (start < 0 || end < start) fail(`${page} has no place for "${name}": write ${open} and ${close}`)
  return `${text.slice(0, start + open.length)}\n\n${part.trim()}\n\n${text.slice(end)}`
}

/**
 * A Markdown table.
 * @param {readonly string[]} headings
 * @param {readonly (readonly string[])[]} rows
 */
export function table(headings, rows) {
  const line = (columns) => `| ${columns.map(cell).join(' | ')} |`
  return [line(headings), `|${' --- |'.repeat(headings.length)}`, ...rows.map(line)].join('\n')
}

/** A bar ends a cell even in code, and a line end ends the row. @param {string} text */
const cell = (text) => text.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')

/** @param {string} message @returns {never} */
export function fail(message) {
  console.error(message)
  process.exit(1)
}
