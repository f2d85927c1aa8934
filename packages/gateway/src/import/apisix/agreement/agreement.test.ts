import { existsSync, readFileSync } from 'node:fs'
import type { TSchema } from 'typebox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isSecretName, secretRule } from '../../../config/secret-fields.ts'
import { type Finding, Findings } from '../../../config/problem.ts'
import { validateDocument } from '../../../config/validate.ts'
import type { PluginDefinition } from '../../../plugins/definition.ts'
import { PluginRegistry } from '../../../plugins/plugin-registry.ts'
import { optionRows, type SchemaNode } from '../../../plugins/schema-rows.ts'
import { withDefaults } from '../../../resources/defaults.ts'
import { type Trial, trialsOf } from './configurations.ts'
import { examplesOf } from './examples.ts'
import { type Facts, FACTS, optionParts, type PlaceName, PLACES } from './facts.ts'
import { reasonToDiffer, reasonToRefuse, unused } from './known.ts'
import { documentOf, ENVIRONMENT, pathOf, SETTINGS, TRIALS_AT_ONCE } from './trial-document.ts'

const plugins = new PluginRegistry()
beforeAll(() => plugins.loadAll())

const cases = [...FACTS].flatMap(([plugin, facts]) =>
  PLACES.flatMap((place) => (facts[place] === undefined ? [] : [{ plugin, place, facts: facts[place] }])),
)

const definitionOf = (plugin: string): PluginDefinition => {
  const definition = plugins.get(plugin)
  if (definition === undefined) throw new Error(`there is no plugin "${plugin}"`)
  return definition
}

const schemaOf = (plugin: string, place: PlaceName): TSchema | undefined => {
  const { schema, consumerSchema, metadataSchema } = definitionOf(plugin)
  return { options: schema, consumer: consumerSchema, metadata: metadataSchema }[place]
}

/** The first thing that is wrong with each trial. */
async function refusals(plugin: string, place: PlaceName, trials: readonly Trial[]): Promise<(Finding | undefined)[]> {
  const refused: (Finding | undefined)[] = []
  for (let start = 0; start < trials.length; start += TRIALS_AT_ONCE[place]) {
    const some = trials.slice(start, start + TRIALS_AT_ONCE[place])
    const document = { ...SETTINGS, ...documentOf(plugin, place, some) }
    const findings = new Findings()
    await validateDocument(document, '/nowhere/sekisho.yaml', { plugins, environment: ENVIRONMENT }, findings)
    for (const at of some.keys()) {
      const path = pathOf(plugin, place, at)
      refused.push(findings.list.find((one) => one.path === path || one.path.startsWith(`${path}/`)))
    }
    const elsewhere = findings.list.filter(({ path }) => !some.some((_, at) => path.startsWith(pathOf(plugin, place, at))))
    expect(elsewhere).toEqual([])
  }
  return refused
}

/** Whether people can tell by it which option is meant. */
function names({ path, message, remedy = '' }: Finding, option: string): boolean {
  const name = optionParts(option).findLast((part) => part !== '[]' && part !== '<name>') ?? ''
  return [...path.split('/'), ...`${message} ${remedy}`.split(/\W+/)].includes(name)
}

describe.each(cases)('$plugin: $place of APISIX', ({ plugin, place, facts }) => {
  test('are accepted, or refused with a reason that is known and names the option', async () => {
    const trials = trialsOf(facts, examplesOf(plugin, place))
    const surprises: string[] = []
    for (const [at, finding] of (await refusals(plugin, place, trials)).entries()) {
      if (finding === undefined) continue
      const { option, value } = trials[at]!
      const known = reasonToRefuse(plugin, place, option, value) !== undefined
      if (known && (option === '' || names(finding, option))) continue
      surprises.push(`${option} = ${JSON.stringify(value)}: ${finding.path} ${finding.message}; ${finding.remedy}`)
    }
    expect(surprises).toEqual([])
  })

  test('are all there by name', () => {
    const schema = schemaOf(plugin, place)
    const own = new Set(schema === undefined ? [] : optionRows(schema as SchemaNode).map(({ name }) => name))
    const missing = Object.keys(facts).filter((option) => !/(\[\]|<name>)$/.test(option) && !own.has(option))
    expect(missing.filter((option) => reasonToRefuse(plugin, place, option, undefined) === undefined)).toEqual([])
  })

  test('have the same defaults, or others that are safer and documented', () => {
    const schema = schemaOf(plugin, place)
    if (schema === undefined) return
    const page = new URL(`../../../../../../docs/plugins/${plugin}.md`, import.meta.url)
    const text = existsSync(page) ? readFileSync(page, 'utf8') : ''
    const wrong = differing(facts, schema).filter(({ option }) => {
      if (reasonToDiffer(plugin, place, option) === undefined) return true
      return !text.includes(optionParts(option).findLast((part) => part !== '[]')!)
    })
    expect(wrong).toEqual([])
  })

  test('that are secrets there are secrets here', () => {
    const rule = secretRule(place === 'consumer' ? 'consumers' : place === 'metadata' ? 'plugin_metadata' : 'routes', plugins)
    const open = Object.entries(facts).filter(([option, { secret, type }]) => {
      if (secret !== true) return false
      const parts = optionParts(option).filter((part) => part !== '[]')
      const path = place === 'metadata' ? parts : ['plugins', plugin, ...parts]
      return !rule(type === 'object' ? [...path, 'name'] : path) && !isSecretName(parts.at(-1)!)
    })
    expect(open.map(([option]) => option)).toEqual([])
  })

  test('that nobody knows are refused', async () => {
    const schema = schemaOf(plugin, place)
    if (schema === undefined) return
    const [least] = trialsOf(facts, examplesOf(plugin, place))
    const trial = { ...least!, config: { ...least!.config, no_such_option: 1 } }
    const [finding] = await refusals(plugin, place, [trial])
    if (!OPEN.has(plugin)) expect(finding?.path).toMatch(/\/no_such_option$/)
  })
})

/** Plugins that take any option. */
const OPEN: ReadonlySet<string> = new Set([])

interface Difference {
  readonly option: string
  readonly there: unknown
  readonly here: unknown
}

/** Defaults that are not APISIX's, with what is filled into them. */
function differing(facts: Facts, schema: TSchema): Difference[] {
  const rows = new Map(optionRows(schema as SchemaNode).map((row) => [row.name, row]))
  return Object.entries(facts).flatMap(([option, { default: there, type }]): Difference[] => {
    const row = rows.get(option)
    if (row === undefined) return []
    // An empty table of Lua is a list as well.
    const meant = type === 'array' && JSON.stringify(there) === '{}' ? [] : there
    const own = row.fallback
    if (own === undefined && meant === undefined) return []
    if (typeof own === 'object' && !Array.isArray(own) && type === 'object') {
      // Of objects, what is within is compared by itself.
      return []
    }
    return sorted(own) === sorted(meant) ? [] : [{ option, there: meant, here: own }]
  })
}

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? 'none'

afterAll(() => expect([...unused], 'reasons in known.yaml that nothing needs any more').toEqual([]))
