import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfigText } from '../../config/load.ts'
import { problemLine } from '../../config/render.ts'
import { PluginRegistry } from '../../plugins/plugin-registry.ts'
import { AUTHORITY } from '../../tls/testing/authorities.ts'
import { A_RSA_CERTIFICATE, A_RSA_KEY } from '../../tls/testing/rsa-certificate.ts'
import { A_CERTIFICATE, KEY } from '../../tls/testing/server-certificates.ts'
import { importEnvoy, renderReport } from './index.ts'

const golden = fileURLToPath(new URL('golden/', import.meta.url))
const inputs = readdirSync(golden).filter((name) => name.includes('.envoy.'))

const plugins = new PluginRegistry()
beforeAll(() => plugins.loadAll())

/** Has the files with certificates to which the configurations refer. */
const folder = mkdtempSync(join(tmpdir(), 'sekisho-import-'))
mkdirSync(join(folder, 'certs'))
for (const [name, pem] of Object.entries({
  'rsa.pem': A_RSA_CERTIFICATE,
  'rsa.key': A_RSA_KEY,
  'ecdsa.pem': A_CERTIFICATE,
  'ecdsa.key': KEY,
  'ca.pem': AUTHORITY,
}))
  writeFileSync(join(folder, 'certs', name), pem)
afterAll(() => rmSync(folder, { recursive: true }))

function imported(name: string): Exclude<ReturnType<typeof importEnvoy>, { readonly failure: string }> {
  const result = importEnvoy(name, readFileSync(golden + name, 'utf8'))
  if ('failure' in result) throw new Error(result.failure)
  return result
}

// Beside each file of Envoy's stands exactly what becomes of it, and what is told. After a deliberate change:
// `npx vitest run packages/gateway/src/import -u`, and read the difference.
describe.each(inputs)('%s', (name) => {
  const base = name.replace(/\.envoy\.(yaml|json)$/, '')

  test('becomes what stands beside it', async () => {
    const { yaml, findings } = imported(name)
    // The suffix keeps the formatter away.
    await expect(yaml).toMatchFileSnapshot(`golden/${base}.sekisho.yaml.golden`)
    await expect(renderReport(findings)).toMatchFileSnapshot(`golden/${base}.report.txt`)
  })

  test('passes the check of configurations', async () => {
    const { yaml } = imported(name)
    const file = join(folder, 'sekisho.yaml')
    const { problems = [] } = await loadConfigText(file, yaml, { plugins, environment: {} })
    const lines = problems.map((problem) => problemLine({ ...problem, file: 'sekisho.yaml' }))
    expect(lines).toEqual([])
  })

  test('is YAML that any reader takes for the same', () => {
    const { yaml } = imported(name)
    expect(parse(yaml)).toMatchObject({ listen: expect.any(Array) })
  })
})

test('every file beside the inputs belongs to one', () => {
  const bases = new Set(inputs.map((name) => name.replace(/\.envoy\.(yaml|json)$/, '')))
  const others = readdirSync(golden).filter((name) => !name.includes('.envoy.'))
  expect(others.filter((name) => !bases.has(name.replace(/\.(sekisho\.yaml\.golden|report\.txt)$/, '')))).toEqual([])
})
