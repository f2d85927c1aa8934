import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfigText } from '../../config/load.ts'
import { problemLine } from '../../config/render.ts'
import { PluginRegistry } from '../../plugins/plugin-registry.ts'
import { A_CERTIFICATE, KEY } from '../../tls/testing/server-certificates.ts'
import { importApisix, renderReport } from './index.ts'

const golden = fileURLToPath(new URL('golden/', import.meta.url))
const inputs = readdirSync(golden).filter((name) => name.includes('.apisix.'))

const plugins = new PluginRegistry()
beforeAll(() => plugins.loadAll())

/** What the variables that configurations refer to hold. */
const environment = new Proxy<Record<string, string>>({}, { get: (_target, name) => variable(String(name)) })

function variable(name: string): string {
  if (name.endsWith('_CERT')) return A_CERTIFICATE
  if (name.endsWith('_KEY')) return KEY
  if (name.endsWith('_SECRET')) return 'x'.repeat(32)
  return name.endsWith('_PATH') ? '/text' : 'text'
}

async function imported(name: string): Promise<Exclude<Awaited<ReturnType<typeof importApisix>>, { failure: string }>> {
  const result = await importApisix(name, readFileSync(golden + name, 'utf8'))
  if ('failure' in result) throw new Error(result.failure)
  return result
}

// Beside each file of APISIX's stands exactly what becomes of it, and what is told. After a deliberate change:
// `npx vitest run packages/gateway/src/import -u`, and read the difference.
describe.each(inputs)('%s', (name) => {
  const base = name.replace(/\.apisix\.(yaml|json)$/, '')

  test('becomes what stands beside it', async () => {
    const { yaml, findings } = await imported(name)
    // The suffix keeps the formatter away.
    await expect(yaml).toMatchFileSnapshot(`golden/${base}.sekisho.yaml.golden`)
    await expect(renderReport(findings)).toMatchFileSnapshot(`golden/${base}.report.txt`)
  })

  test('passes the check of configurations', async () => {
    const { yaml } = await imported(name)
    const { problems = [] } = await loadConfigText('sekisho.yaml', yaml, { plugins, environment })
    expect(problems.map(problemLine)).toEqual([])
  })

  test('is YAML that any reader takes for the same', async () => {
    const { yaml } = await imported(name)
    expect(parse(yaml)).toMatchObject({ listen: expect.any(Array) })
  })
})

test('every file beside the inputs belongs to one', () => {
  const bases = new Set(inputs.map((name) => name.replace(/\.apisix\.(yaml|json)$/, '')))
  const others = readdirSync(golden).filter((name) => !name.includes('.apisix.'))
  expect(others.filter((name) => !bases.has(name.replace(/\.(sekisho\.yaml\.golden|report\.txt)$/, '')))).toEqual([])
})
