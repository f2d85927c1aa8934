import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { adminTester, VIEWER_KEY } from '../testing/admin-tester.ts'
import { keyFromFile } from './key-file.ts'

test('no key, a wrong key, a viewer that writes: 401 in the words of APISIX', async () => {
  const { ask, logged } = await adminTester()
  const without = await ask('GET', '/routes', undefined, { 'x-api-key': '' })
  expect([without.status, without.body.error_msg, without.body.description]).toEqual([
    401,
    'failed to check token',
    'missing apikey',
  ])
  const wrong = await ask('GET', '/routes', undefined, { 'x-api-key': 'guess' })
  expect([wrong.status, wrong.body.description]).toEqual([401, 'wrong apikey'])
  expect(logged).toEqual(['the Admin API was asked with a wrong key'])
  const viewer = { 'x-api-key': VIEWER_KEY }
  expect((await ask('GET', '/routes', undefined, viewer)).status).toBe(200)
  const write = await ask('DELETE', '/routes/1', undefined, viewer)
  expect([write.status, write.body.description]).toEqual([401, 'invalid method for role viewer'])
})

test('keys in the query or a cookie are none: addresses end up in logs', async () => {
  const { app } = await adminTester()
  const key = 'an-admin-key-of-the-tests'
  expect((await app.request(`/apisix/admin/routes?api_key=${key}`)).status).toBe(401)
  expect((await app.request('/apisix/admin/routes', { headers: { cookie: `x_api_key=${key}` } })).status).toBe(401)
})

test('without keys nobody gets in', async () => {
  const { ask } = await adminTester({ keys: [] })
  for (const path of ['/routes', '', '//v1/routes', '//admin/routes', '//admin', '/openapi.json', '/schema/route'])
    expect([path, (await ask('GET', path)).status]).toEqual([path, 401])
})

test('who tries keys out has to wait', async () => {
  let now = 0
  const { ask } = await adminTester({ now: () => now })
  const wrong = { 'x-api-key': 'guess' }
  for (let tries = 0; tries < 20; tries++) expect((await ask('GET', '/routes', undefined, wrong)).status).toBe(401)
  const refused = await ask('GET', '/routes', undefined, wrong)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '3'])
  expect((await ask('GET', '/routes')).status).toBe(429)
  now = 3_000
  expect((await ask('GET', '/routes')).status).toBe(200)
})

test('reads show which secrets there are, not what they are', async () => {
  const { ask, audited } = await adminTester()
  const plugins = { 'key-auth': { key: 'the-secret-of-jack' } }
  expect((await ask('PUT', '/consumers/jack', { username: 'jack', plugins })).text).not.toContain('the-secret-of-jack')
  const viewer = { 'x-api-key': VIEWER_KEY }
  for (const path of ['/consumers/jack', '/consumers', '/configs', '/history']) {
    const { text } = await ask('GET', path)
    expect(text).not.toContain('the-secret-of-jack')
    expect(text).toContain('"key":"***"')
  }
  // For a restore elsewhere, by an admin who says so.
  expect((await ask('GET', '/configs?secrets=true')).text).toContain('the-secret-of-jack')
  expect((await ask('GET', '/configs?secrets=true', undefined, viewer)).text).not.toContain('the-secret-of-jack')
  for (const path of ['/consumers/jack', '/consumers', '/configs', '/diff?from=0&secrets=true', '/history']) {
    const { status, text } = await ask('GET', path, undefined, viewer)
    expect([path, status]).toEqual([path, 200])
    expect(text).not.toContain('the-secret-of-jack')
    expect(text).toContain('"key":"***"')
  }
  // What was shown may be written back: the mask stands for what is there.
  const { plugins: shown } = (await ask('GET', '/consumers/jack')).body.value
  expect((await ask('PUT', '/consumers/jack', { username: 'jack', plugins: shown, desc: 'of sales' })).status).toBe(200)
  expect((await ask('GET', '/configs?secrets=true')).body.consumers[0]).toMatchObject({ desc: 'of sales', plugins })
  await ask('PUT', '/consumers/jack', { username: 'jack', plugins: { 'key-auth': { key: 'another-secret' } } })
  expect(JSON.stringify(audited)).not.toMatch(/the-secret|another-secret/)
  expect(JSON.stringify(audited.at(-1))).toContain('*** (changed)')
})

test('the audit log says who, from where, what and how it ended', async () => {
  const { ask, audited } = await adminTester()
  await ask('PUT', '/upstreams/a?comment=first', { nodes: { '127.0.0.1:1': 1 } })
  await ask('PUT', '/upstreams/b?dry_run=true', { nodes: { '127.0.0.1:1': 1 } })
  await ask('PUT', '/upstreams/c', { nodes: 1 })
  expect(audited.map(({ outcome }) => outcome)).toEqual(['done', 'dry-run', 'refused'])
  expect(audited[0]).toMatchObject({
    who: 'ops',
    from: 'local',
    method: 'PUT',
    path: '/apisix/admin/upstreams/a',
    revision: 1,
    changes: [{ kind: 'upstreams', id: 'a', before: null }],
  })
  expect(audited[2]?.problems?.[0]).toContain('/upstreams/c/nodes')
  expect((await ask('GET', '/history')).body.list[0].author).toEqual({ who: 'ops', from: 'local', comment: 'first' })
})

test('other networks are refused before anything else', async () => {
  const { app } = await adminTester({ allowAdmin: ['10.0.0.0/8', '::1'] })
  const from = (remoteAddress: string) =>
    app.request('/apisix/admin', {}, { incoming: { socket: { remoteAddress } } } as unknown as Record<string, never>)
  expect((await from('192.168.1.1')).status).toBe(403)
  expect((await from('::ffff:10.1.1.1')).status).toBe(401)
  expect((await from('::1')).status).toBe(401)
})

test('the first start makes a key, once, in a file of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-key-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'data', 'admin-key')
  const first = keyFromFile(file)
  expect(first.made).toBe(true)
  expect(first.key).toMatch(/^[\w-]{32}$/)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(keyFromFile(file)).toEqual({ key: first.key, made: false })
  expect(readFileSync(file, 'utf8')).toBe(`${first.key}\n`)
  writeFileSync(file, '')
  expect(() => keyFromFile(file)).toThrow('remove the file')
  expect(existsSync(file)).toBe(true)
})
