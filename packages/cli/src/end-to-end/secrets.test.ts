import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { fakeVault, TOKEN } from '../../../gateway/src/secrets/testing/fake-vault.ts'
import { ask } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { Sekisho, sekisho } from '../testing/sekisho.ts'

const KEY = 'the-key-of-this-test'

const settings = (more: string): string => `listen: ["127.0.0.1:0"]
workers: 2
metrics: false
admin: { address: "127.0.0.1:0", keys: [{ name: ops, key: ${KEY}, role: admin }] }
${more}
`

const resources = (uri: string, token = '$env://VAULT_TOKEN', key = 'key'): string => `secrets:
  - { id: vault/1, uri: "${uri}", prefix: kv, token: ${token}, refresh: 1, timeout: 1 }
consumers:
  - { username: jack, plugins: { key-auth: { key: "$secret://vault/1/jack/${key}" } } }
  - { username: jill, plugins: { key-auth: { key: jills } } }
routes:
  - { id: a, uri: /mock, plugins: { key-auth: {}, mocking: { response_example: hello, content_type: text/plain } } }
`

async function start(text: string) {
  const cwd = mkdtempSync(join(tmpdir(), 'sekisho-secrets-'))
  onTestFinished(() => rmSync(cwd, { recursive: true }))
  const file = join(cwd, 'sekisho.yaml')
  writeFileSync(file, text)
  const env = { VAULT_TOKEN: TOKEN }
  expect((await sekisho(['check'], { cwd, env })).status).toBe(0)
  const running = new Sekisho(['start'], { cwd, env })
  onTestFinished(() => running.stop())
  const [, url, admin] = await running.printed(/^serving .* on (http:\S+), Admin API on (http:\S+), 2 workers/m)
  const status = (apikey: string) => async () => (await ask(`${url}/mock`, 'GET', { apikey })).status
  return { running, file, admin: `${admin}/apisix/admin`, status }
}

it(
  'a configuration file with secrets: read at the start, again when they change, kept when they cannot be',
  { timeout: 60_000 },
  async () => {
    const vault = await fakeVault()
    vault.mode = 'sealed'
    vault.kv.set('jack', { key: 'one', other: 'three' })
    const { running, file, status } = await start(settings(resources(vault.uri)))
    // What needs nothing of Vault is served.
    expect(running.stderr).toMatch(/left out until they can be.*\$secret:\/\/vault\/1\/jack\/key.*sealed/)
    expect([await status('one')(), await status('jills')()]).toEqual([401, 200])
    vault.mode = 'well'
    await eventually(status('one'), (seen) => seen === 200)
    vault.kv.set('jack', { key: 'two', other: 'three' })
    await eventually(status('two'), (seen) => seen === 200)
    expect(await status('one')()).toBe(401)

    vault.mode = 'text'
    await running.printed(/cannot be read again, and stay as they are/)
    expect(await status('two')()).toBe(200)
    // A file with another token, and a Vault that does not answer to it: what was in force stays.
    writeFileSync(file, settings(resources(vault.uri, 'another-token')))
    await eventually(
      async () => running.stderr.split('cannot be read stays as it was').length,
      (seen) => seen >= 3,
    )
    expect(await status('two')()).toBe(200)
    vault.mode = 'well'
    vault.token = 'another-token'
    writeFileSync(file, settings(resources(vault.uri, 'another-token', 'other')))
    await eventually(status('three'), (seen) => seen === 200)
    expect(running.stderr + running.stdout).not.toContain('another-token')
  },
)

it('an embedded store with secrets, by the Admin API', { timeout: 60_000 }, async () => {
  const vault = await fakeVault()
  vault.kv.set('jack', { key: 'one' })
  const { admin, status } = await start(settings('store: { type: embedded, path: ./data }'))
  const api = async (method: string, path: string, body?: object) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`${admin}/${path}`, { method, headers: { 'x-api-key': KEY }, ...sent })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const manager = { uri: vault.uri, prefix: 'kv', token: '$env://VAULT_TOKEN', refresh: 1 }
  expect(await api('PUT', 'secrets/vault/1', manager)).toMatchObject({
    status: 201,
    body: { key: '/apisix/secrets/vault/1', value: { id: 'vault/1', ...manager } },
  })
  expect(await api('PUT', 'secrets/consul/1', manager)).toMatchObject({
    status: 400,
    body: { error_msg: expect.stringMatching(/invalid secret manager: consul/) },
  })
  expect(await api('PATCH', 'secrets/vault/1', { timeout: 2 })).toMatchObject({ status: 200 })
  expect(await api('GET', 'secrets')).toMatchObject({ body: { total: 1, list: [{ value: { timeout: 2 } }] } })
  const jack = { plugins: { 'key-auth': { key: '$secret://vault/1/jack/key' } } }
  expect((await api('PUT', 'consumers/jack', jack)).status).toBe(201)
  const mocking = { response_example: 'hello', content_type: 'text/plain' }
  expect((await api('PUT', 'routes/a', { uri: '/mock', plugins: { 'key-auth': {}, mocking } })).status).toBe(201)
  await eventually(status('one'), (seen) => seen === 200)
  expect(await api('DELETE', 'secrets/vault/1')).toMatchObject({
    status: 400,
    body: { error_msg: expect.stringMatching(/consumer "jack" still refers to it/) },
  })
  expect(
    await api('PUT', 'consumers/jill', { plugins: { 'key-auth': { key: '$secret://vault/1/jill/key' } } }),
  ).toMatchObject({
    status: 400,
    body: {
      problems: [
        { path: '/plugins/key-auth/key', message: expect.stringMatching(/there is nothing at .*\/v1\/kv\/jill/) },
      ],
    },
  })
  vault.kv.set('jack', { key: 'two' })
  await eventually(status('two'), (seen) => seen === 200)
  // Nobody else's affair: what is kept is the reference.
  expect(JSON.stringify((await api('GET', 'configs')).body)).not.toContain('"two"')
})
