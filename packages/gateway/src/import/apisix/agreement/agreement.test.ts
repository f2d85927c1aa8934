import { readFileSync } from 'node:fs'
import type { TSchema } from 'typebox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { secretRule } from '../../../config/secret-fields.ts'
import { type Finding, Findings } from '../../../config/problem.ts'
import { validateDocument } from '../../../config/validate.ts'
import { builtInNames } from '../../../plugins/built-in.ts'
import type { PluginDefinition } from '../../../plugins/definition.ts'
import { leadingDocComment } from '../../../plugins/documentation.ts'
import { PluginRegistry } from '../../../plugins/plugin-registry.ts'
import { optionRows, type SchemaNode } from '../../../plugins/schema-rows.ts'
import type { ResourceKind } from '../../../resources/kind-names.ts'
import { WorkerUnderTest } from '../../../testing-kit/worker-under-test.ts'
import { type Trial, trialsOf } from './testing/configurations.ts'
import { examplesOf } from './testing/examples.ts'
import { FACTS, optionParts, type PlaceName, PLACES } from './testing/facts.ts'
import { differing, sorted } from './testing/differences.ts'
import { reasonToDiffer, reasonToRefuse, unusedReasons } from './testing/known.ts'
import { documentOf, ENVIRONMENT, KINDS, pathOf, SETTINGS, TRIALS_AT_ONCE } from './testing/trial-document.ts'

const plugins = new PluginRegistry()
beforeAll(() => plugins.loadAll())

const builtIn = builtInNames()
const cases = [...FACTS].flatMap(([plugin, facts]) =>
  PLACES.flatMap((place) =>
    facts[place] === undefined || !builtIn.includes(plugin) ? [] : [{ plugin, place, facts: facts[place] }],
  ),
)

test('every plugin of the facts is there', () => {
  expect([...FACTS.keys()].filter((plugin) => !builtIn.includes(plugin))).toEqual([])
})

const definitionOf = (plugin: string): PluginDefinition => {
  const definition = plugins.get(plugin)
  if (definition === undefined) throw new Error(`there is no plugin "${plugin}"`)
  return definition
}

const schemaOf = (plugin: string, place: PlaceName): TSchema | undefined => {
  const { schema, consumerSchema, metadataSchema } = definitionOf(plugin)
  return { options: schema, consumer: consumerSchema, metadata: metadataSchema, stream: schema }[place]
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
    const elsewhere = findings.list.filter(
      ({ path }) => !some.some((_, at) => path.startsWith(pathOf(plugin, place, at))),
    )
    expect(elsewhere).toEqual([])
  }
  return refused
}

/** Whether people can tell by it which option is meant. */
function names({ path, message, remedy = '' }: Finding, option: string): boolean {
  const name = optionParts(option).findLast((part) => part !== '[]' && part !== '<name>') ?? ''
  return [...path.split('/'), ...`${message} ${remedy}`.split(/\W+/)].includes(name)
}

// With some patience: others may be busy on the same machine.
describe.each(cases)('$plugin, $place', { timeout: 60_000 }, ({ plugin, place, facts }) => {
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

  test('have the same defaults, or others for a reason', () => {
    const schema = schemaOf(plugin, place)
    if (schema === undefined) return
    const wrong = differing(facts, schema).filter(({ option }) => reasonToDiffer(plugin, place, option) === undefined)
    expect(wrong.map(({ option, there, here }) => `${option}: ${sorted(there)} there, ${sorted(here)} here`)).toEqual(
      [],
    )
  })

  test('with other defaults are documented as such', () => {
    const schema = schemaOf(plugin, place)
    if (schema === undefined) return
    const rows = new Map(optionRows(schema as SchemaNode).map((row) => [row.name, row]))
    const comment =
      leadingDocComment(readFileSync(new URL(`../../../plugins/${plugin}.ts`, import.meta.url), 'utf8')) ?? ''
    const silent = differing(facts, schema).filter(({ option, there, here }) => {
      if (there === undefined || here === undefined) return false
      const name = optionParts(option).findLast((part) => part !== '[]')!
      const text = `${comment}\n${rows.get(option)?.description}`
      return !(text.includes('APISIX') && (comment.includes(name) || rows.get(option)?.description.includes('APISIX')))
    })
    expect(silent.map(({ option }) => option)).toEqual([])
  })

  test('that are secrets there are secrets here', () => {
    const rule = secretRule(KINDS[place] as ResourceKind, plugins)
    const open = Object.entries(facts).filter(([option, { secret, type }]) => {
      if (secret !== true) return false
      const parts = optionParts(option).filter((part) => part !== '[]')
      const path = place === 'metadata' ? parts : ['plugins', plugin, ...parts]
      return !rule(type === 'object' ? [...path, 'name'] : path)
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

// Opens its file; and what ships the error log has no routes.
const inForce = cases.filter(({ plugin, place }) => place === 'options' && !/^(file|error-log)-logger$/.test(plugin))

test.each(inForce)(
  '$plugin: what is accepted comes into force',
  { timeout: 60_000 },
  async ({ plugin, place, facts }) => {
    const trials = trialsOf(facts, examplesOf(plugin, place))
    const refused = await refusals(plugin, place, trials)
    const accepted = trials.filter((_, at) => refused[at] === undefined)
    const errors: string[] = []
    const worker = await WorkerUnderTest.start(
      { ...SETTINGS, ...documentOf(plugin, place, accepted) },
      {
        environment: ENVIRONMENT,
        onLog: ({ level, message }) => (level === 'error' ? errors.push(message) : undefined),
      },
    )
    await worker.stop()
    expect(errors).toEqual([])
  },
)

// Of APISIX's plugins for stream routes these are without equal there.
test.each(['mqtt-proxy', 'prometheus', 'traffic-split'])(
  '%s on a stream route is refused with words',
  async (plugin) => {
    const document = { ...SETTINGS, ...documentOf(plugin, 'stream', [{ option: '', value: undefined, config: {} }]) }
    const findings = new Findings()
    await validateDocument(document, '/nowhere/sekisho.yaml', { plugins, environment: ENVIRONMENT }, findings)
    expect(findings.list.map(({ path, message }) => `${path} ${message}`)).toEqual([
      expect.stringMatching(new RegExp(`^/stream_routes/0/plugins/${plugin} .*"${plugin}"`)),
    ])
  },
)

afterAll(() =>
  expect(unusedReasons('refused', 'defaults'), 'reasons in known.yaml that nothing needs any more').toEqual([]),
)
