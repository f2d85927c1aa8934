import { expect, test } from 'vitest'
import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { VaultSecret } from '../../resources/secret.ts'
import { A_CERTIFICATE, KEY } from '../../tls/testing/server-certificates.ts'
import { fakeVault, TOKEN } from '../testing/fake-vault.ts'
import { readVault } from './vault.ts'

const config = (uri: string, more: Partial<VaultSecret> = {}): VaultSecret =>
  ({ id: 'vault/1', uri, prefix: 'kv/apisix', token: TOKEN, timeout: 0.2, ...more }) as VaultSecret

test('version 1 of the engine: path, token and namespace as Vault wants them', async () => {
  const vault = await fakeVault()
  vault.namespace = 'team/a'
  vault.kv.set('apisix/jack', { 'auth-key': 'one', port: 5_432, on: true, list: [1] })
  const read = await readVault(config(`${vault.uri}/`, { namespace: 'team/a' }), 'jack')
  expect(read).toEqual({
    fields: new Map([
      ['auth-key', 'one'],
      ['port', '5432'],
      ['on', 'true'],
    ]),
  })
  expect(vault.asked).toEqual(['GET /v1/kv/apisix/jack'])
})

test('version 2 of the engine, by its setting or by the prefix', async () => {
  const vault = await fakeVault()
  vault.secret.set('apisix/a b/jack', { key: 'two' })
  const expected = { fields: new Map([['key', 'two']]) }
  expect(await readVault(config(vault.uri, { prefix: 'secret/apisix', kv_version: 2 }), 'a b/jack')).toEqual(expected)
  expect(await readVault(config(vault.uri, { prefix: '/secret/data/apisix/' }), 'a b/jack')).toEqual(expected)
  expect(await readVault(config(vault.uri, { prefix: 'secret/data/apisix', kv_version: 2 }), 'a b/jack')).toEqual(
    expected,
  )
  expect(new Set(vault.asked)).toEqual(new Set(['GET /v1/secret/data/apisix/a%20b/jack']))
})

test('an authority of its own', async () => {
  const server = createServer({ cert: A_CERTIFICATE, key: KEY }, (_request, response) =>
    response.end(JSON.stringify({ data: { key: 'over TLS' } })),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const uri = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await readVault(config(uri), 'jack')).toMatchObject({
    unreachable: true,
    message: expect.stringMatching(/certificate/),
  })
})

test.each([
  ['hang', true, /does not answer within 0.2 seconds/],
  ['huge', true, /answers with more than 1048576 bytes/],
  ['half', true, /./],
  ['text', false, /is not from the key\/value engine/],
  ['sealed', true, /sealed/],
  ['redirect', false, /answers with 307/],
] as const)('an answer that is of no use: %s', async (mode, unreachable, message) => {
  const vault = await fakeVault()
  vault.mode = mode
  const read = await readVault(config(vault.uri), 'jack')
  expect(read).toEqual(expect.objectContaining({ unreachable, message: expect.stringMatching(message) }))
  expect(JSON.stringify(read)).not.toContain(TOKEN)
})

test('a refusal says what to do, and nothing of the token', async () => {
  const vault = await fakeVault()
  const wrong = await readVault(config(vault.uri, { token: 'hvs.wrong' }), 'jack')
  expect(wrong).toMatchObject({
    unreachable: false,
    message: expect.stringMatching(/token of "vault\/1" may not read/),
  })
  expect(JSON.stringify(wrong)).not.toContain('hvs.wrong')
  const missing = await readVault(config(vault.uri), 'nobody')
  expect(missing).toMatchObject({
    message: `there is nothing at ${vault.uri}/v1/kv/apisix/nobody`,
    remedy: expect.any(String),
  })
  await vault.close()
  expect(await readVault(config(vault.uri), 'jack')).toMatchObject({
    unreachable: true,
    message: expect.stringMatching(/refuses connections/),
  })
})

test('a token that no header can hold is told without it', async () => {
  const read = await readVault(config('http://127.0.0.1:1', { token: 'a\nb' }), 'jack')
  expect(read).toMatchObject({ unreachable: true, message: expect.stringMatching(/cannot be asked/) })
})
