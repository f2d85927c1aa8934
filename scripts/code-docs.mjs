// Writes the parts of docs/ that are lists in the source: phases, refusal codes, metrics. Run it after a build:
//   node scripts/code-docs.mjs            writes the pages
//   node scripts/code-docs.mjs --check    changes nothing; fails when a page is out of date
import { existsSync, readFileSync } from 'node:fs'
import { fail, table, writeParts } from './generated-parts.mjs'

const packages = new URL('../packages/', import.meta.url)
const built = (path) => new URL(path.replace('/', '/dist/'), packages)
if (!existsSync(built('gateway/index.js'))) fail('packages/gateway is not built; run "npm run build" first')

const { PHASE_NAMES } = await import(built('proxy/phases/phases.js'))
const { refusal, refusalCodes } = await import(built('wire/streams/refusal.js'))
const { METRICS } = await import(built('gateway/observability/metrics/definitions.js'))
const { ProcessMetrics } = await import(built('gateway/observability/metrics/process-metrics.js'))

const code = (text) => `\`${text}\``

/** Each phase with the doc comment and signature that it has in the interface. */
function phases() {
  const source = readFileSync(new URL('proxy/src/phases/phases.ts', packages), 'utf8')
  const body =
    /export interface ProxyPhases<Ctx> \{([\s\S]*?)\n\}\n/.exec(source)?.[1] ?? fail('phases.ts has no ProxyPhases')
  const found = new Map()
  for (const [, comment, name, optional, rest] of body.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+(\w+)(\??)(\([^)]*\)[^\n]*)/g,
  )) {
    const text = comment
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, '').trim())
      .join(' ')
      .trim()
    // In one line, however long it is.
    const inLine = rest
      .replace(/\(\s+/, '(')
      .replace(/,\s*\)/, ')')
      .replace(/\s+/g, ' ')
    found.set(name, { text, signature: `${name}${optional}${inLine}` })
  }
  return PHASE_NAMES.map((name, at) => {
    const { text, signature } = found.get(name) ?? fail(`phases.ts has no doc comment for ${name}`)
    return `${at + 1}. **${name}**. ${text}<br>\`${signature}\``
  }).join('\n')
}

const refusals = () =>
  table(
    ['Code', 'Status', 'Reason'],
    refusalCodes().map((name) => [code(name), String(refusal(name).status), refusal(name).message]),
  )

const metrics = () =>
  table(
    ['Metric', 'Type', 'Labels', 'What it says'],
    Object.values(METRICS).map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), help]),
  )

/** What its renderer writes: `# HELP name text` and `# TYPE name type` in turn. */
function processMetrics() {
  const lines = []
  const own = new ProcessMetrics()
  own.render(lines)
  own.stop()
  const rows = []
  for (const line of lines) {
    const [, kind, name, text] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') rows.push([code(name), '', text])
    else if (kind === 'TYPE') rows.at(-1)[1] = text
  }
  return table(['Metric', 'Type', 'What it says'], rows)
}

writeParts(
  {
    'docs/framework.md': { phases: phases() },
    'docs/http1.md': { refusals: refusals() },
    'docs/observability.md': { metrics: metrics(), 'process-metrics': processMetrics() },
  },
  'node scripts/code-docs.mjs',
)
