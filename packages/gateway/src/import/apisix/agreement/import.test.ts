import { parse } from 'yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfigText } from '../../../config/load.ts'
import { problemLine } from '../../../config/render.ts'
import { builtInNames } from '../../../plugins/built-in.ts'
import { PluginRegistry } from '../../../plugins/plugin-registry.ts'
import type { LocatedFinding } from '../../report/report-lines.ts'
import { importApisix } from '../index.ts'
import { isFields, leastWith, trialsOf, type Trial } from './testing/configurations.ts'
import { differing, sorted } from './testing/differences.ts'
import { examplesOf } from './testing/examples.ts'
import { FACTS, optionParts, type PlaceName, PLACES } from './testing/facts.ts'
import { reasonToSayNothing, unusedReasons } from './testing/known.ts'
import { documentOf, ENVIRONMENT, KINDS, pathOf, SETTINGS, TRIALS_AT_ONCE } from './testing/trial-document.ts'

const plugins = new PluginRegistry()
beforeAll(() => plugins.loadAll())

type Fields = Record<string, unknown>

/** The resources of a kind in a document, by what names them. */
const resourcesOf = (document: Fields, place: PlaceName): Map<string, Fields> => {
  const list = (document[KINDS[place]] ?? []) as Fields[]
  return new Map(list.map((one) => [String(one['id'] ?? one['username']), one]))
}

/** What became of a configuration; undefined when it is gone. */
function configOf(document: Fields, place: PlaceName, plugin: string, at: number): unknown {
  const resource = resourcesOf(document, place).get(place === 'metadata' ? plugin : `r${at}`)
  if (place !== 'metadata') return (resource?.['plugins'] as Fields | undefined)?.[plugin]
  const { id: _id, ...metadata } = resource ?? {}
  return resource === undefined ? undefined : metadata
}

const builtIn = builtInNames()
const cases = [...FACTS].flatMap(([plugin, facts]) =>
  PLACES.flatMap((place) =>
    facts[place] === undefined || !builtIn.includes(plugin) ? [] : [{ plugin, place, facts: facts[place] }],
  ),
)

// With some patience: others may be busy on the same machine.
describe.each(cases)('$plugin, $place', { timeout: 60_000 }, ({ plugin, place, facts }) => {
  test('comes out of the import as it was, or what became of it is told', async () => {
    const trials = trialsOf(facts, examplesOf(plugin, place))
    const silent: string[] = []
    for (let start = 0; start < trials.length; start += TRIALS_AT_ONCE[place]) {
      const some = trials.slice(start, start + TRIALS_AT_ONCE[place])
      const { document, findings } = await imported(plugin, place, some)
      for (const [at, { option, value, config }] of some.entries()) {
        const told = findings.filter(({ path, message }) => {
          const here = pathOf(plugin, place, at)
          return (
            path === here || path.startsWith(`${here}/`) || (message.includes(' more place') && path.includes(plugin))
          )
        })
        const result = configOf(document, place, plugin, at)
        if (told.length === 0 && !isKept(config, result))
          silent.push(`${option} = ${JSON.stringify(value)} became ${JSON.stringify(result)}`)
      }
    }
    expect(silent).toEqual([])
  })

  test('is told of other defaults, or given those of APISIX', async () => {
    const { schema, consumerSchema, metadataSchema } = plugins.get(plugin)!
    const own = { options: schema, consumer: consumerSchema, metadata: metadataSchema, stream: schema }[place]
    if (own === undefined) return
    const examples = examplesOf(plugin, place)
    const silent: string[] = []
    for (const { option, there } of differing(facts, own)) {
      // What is left out in the least of configurations that have what it stands in.
      const config = leastWith(facts, examples, option)
      if (there === undefined || reasonToSayNothing(plugin, place, option)) continue
      const { document, findings } = await imported(plugin, place, [{ option, value: undefined, config }])
      const told = findings.some(({ path }) => path.startsWith(pathOf(plugin, place, 0)))
      const result = valueAt(configOf(document, place, plugin, 0), option)
      if (!told && sorted(result) !== sorted(there)) silent.push(`${option}: ${sorted(there)} became ${sorted(result)}`)
    }
    expect(silent).toEqual([])
  })
})

function valueAt(config: unknown, option: string): unknown {
  let value = config
  for (const part of optionParts(option)) value = (value as Fields | undefined)?.[part === '[]' ? '0' : part]
  return value
}

/** Imports a document, and checks that what comes out is a configuration. */
async function imported(
  plugin: string,
  place: PlaceName,
  trials: readonly Trial[],
): Promise<{ document: Fields; findings: readonly LocatedFinding[] }> {
  const result = await importApisix('apisix.json', JSON.stringify(documentOf(plugin, place, trials)))
  if ('failure' in result) throw new Error(result.failure)
  const document = parse(result.yaml) as Fields
  const whole = JSON.stringify({ ...document, ...SETTINGS })
  const { problems = [] } = await loadConfigText('sekisho.json', whole, { plugins, environment: ENVIRONMENT })
  expect(problems.map(problemLine)).toEqual([])
  return { document, findings: result.findings }
}

/** Whether everything that was written is there still; the import may add to it. */
function isKept(written: unknown, result: unknown): boolean {
  if (isEmptyTable(written) && isEmptyTable(result)) return true
  if (Array.isArray(written))
    return (
      Array.isArray(result) && written.length === result.length && written.every((item, at) => isKept(item, result[at]))
    )
  if (!isFields(written)) return written === result
  return isFields(result) && Object.entries(written).every(([name, value]) => isKept(value, result[name]))
}

/** Of Lua, which may be a list or an object. */
const isEmptyTable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0

afterAll(() => expect(unusedReasons('untold'), 'reasons in known.yaml that nothing needs any more').toEqual([]))
