import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderTable } from './table.js'
import { judge } from './targets.js'

/**
 * @typedef {object} ScenarioResult
 * @property {string} name
 * @property {string} title
 * @property {string} summary
 * @property {string} measuredAt ISO 8601
 * @property {number} rounds
 * @property {number} seconds
 * @property {Record<string, string>} versions by proxy
 * @property {readonly import('./table.js').Column[]} columns
 * @property {import('./table.js').Row[]} rows
 * @property {string[]} notes
 *
 * @typedef {{ machine: import('../harness/machine.js').Machine, scenarios: ScenarioResult[] }} Results
 */

/**
 * Adds what was measured to what is stored: scenarios that were not run again stay, if they come from this machine.
 * @param {Results} results
 * @param {string} dir
 * @param {readonly string[]} order of the scenarios' names
 * @param {boolean} partial only some of the proxies ran: stored aside, so that no full table is overwritten
 * @returns {string} the path of the JSON file
 */
export function store(results, dir, order, partial) {
  mkdirSync(dir, { recursive: true })
  const name = partial ? 'partial' : 'latest'
  const file = join(dir, `${name}.json`)
  const merged = partial ? results : merge(results, readResults(file), order)
  writeFileSync(file, `${JSON.stringify(merged, undefined, 2)}\n`)
  if (!partial) writeFileSync(join(dir, 'latest.md'), renderResults(merged))
  return file
}

/**
 * @param {Results} fresh
 * @param {Results | undefined} stored
 * @param {readonly string[]} order
 * @returns {Results}
 */
export function merge(fresh, stored, order) {
  const sameMachine = stored?.machine.cpu === fresh.machine.cpu && stored.machine.cores === fresh.machine.cores
  const kept = (sameMachine ? stored.scenarios : []).filter((old) =>
    fresh.scenarios.every(({ name }) => name !== old.name),
  )
  const scenarios = [...kept, ...fresh.scenarios].sort(
    (left, right) => order.indexOf(left.name) - order.indexOf(right.name),
  )
  return { machine: fresh.machine, scenarios }
}

/** @param {Results} results */
export function renderResults({ machine, scenarios }) {
  const gib = Math.round(machine.memoryBytes / 1024 ** 3)
  const verdicts = judge(scenarios)
  return [
    '# Benchmark',
    '',
    `${machine.cpu}, ${machine.cores} cores, ${gib} GiB, Linux ${machine.kernel}, Node.js ${machine.node}, wrk ${machine.wrk}.`,
    'The proxy runs on core 0 alone; the load generator and the upstream share core 1.',
    '',
    ...scenarios.flatMap((scenario) => [renderScenario(scenario), '']),
    ...(verdicts.length === 0 ? [] : ['## Targets', '', ...verdicts.map((verdict) => `- ${verdict}`), '']),
  ].join('\n')
}

/** @param {ScenarioResult} scenario */
export function renderScenario(scenario) {
  const versions = Object.entries(scenario.versions).map(([name, version]) => `${name} ${version}`)
  return [
    `## ${scenario.name}: ${scenario.title}`,
    '',
    scenario.summary,
    '',
    renderTable(scenario),
    '',
    `${scenario.measuredAt}; rounds: ${scenario.rounds}, ${scenario.seconds} s each. ${versions.join(', ')}`,
    ...scenario.notes.map((note) => `\n${note}`),
  ].join('\n')
}

/**
 * @param {string} file
 * @returns {Results | undefined}
 */
function readResults(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
