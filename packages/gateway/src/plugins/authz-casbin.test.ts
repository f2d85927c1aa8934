import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startGateway } from '../testing/start-gateway.ts'
import plugin from './authz-casbin.ts'
import { PolicyDecisions } from './casbin/policy-decisions.ts'
import { problemsOf, TestSession, TestWorker } from './testing/mounted.ts'

const model = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = (g(r.sub, p.sub) || p.sub == "*") && keyMatch(r.obj, p.obj) && keyMatch(r.act, p.act)
`
const policy = `
p, *, /public/*, GET
p, admin, /*, *
g, alice, admin
`
const username = 'X-User'

async function asker(config: object, metadata: object[] = []) {
  const document = (list: object[]) => ({
    plugin_metadata: list,
    routes: [{ uri: '/*', upstream_id: 'echo', plugins: { 'authz-casbin': { username, ...config } } }],
  })
  const gateway = await startGateway(document(metadata))
  onTestFinished(() => gateway.close())
  return {
    ask: async (user: string | undefined, path: string, method = 'GET') =>
      (await gateway.fetch(path, { method, ...(user === undefined ? {} : { headers: { [username]: user } }) })).status,
    update: (list: object[]) => gateway.update(document(list)),
  }
}

test('a policy says who may do what where, whatever way a path is spelt', async () => {
  const { ask } = await asker({ model, policy })
  expect(await ask('alice', '/orders/7', 'DELETE')).toBe(200)
  expect(await ask('bob', '/orders/7')).toBe(403)
  expect(await ask('bob', '/public/a')).toBe(200)
  expect(await ask(undefined, '/public/a?x=1')).toBe(200)
  expect(await ask('bob', '/public/a', 'POST')).toBe(403)
  for (const path of [
    '/public/../orders/7',
    '/public/%2e%2e/orders/7',
    '/public/..%2forders',
    '/orders/7?/public/',
    '//orders',
  ])
    expect(await ask('bob', path), path).toBe(403)
  // Not known by who asked before.
  expect(await ask('alice', '/orders/7')).toBe(200)
  expect(await ask('bob', '/orders/7')).toBe(403)
})

test('it may be in files, or in the metadata, which may change', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'casbin-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [model_path, policy_path] = [join(folder, 'model.conf'), join(folder, 'policy.csv')]
  writeFileSync(model_path, model)
  writeFileSync(policy_path, policy)
  const files = await asker({ model_path, policy_path })
  expect([await files.ask('alice', '/'), await files.ask('bob', '/')]).toEqual([200, 403])
  const { ask, update } = await asker({}, [{ id: 'authz-casbin', model, policy }])
  expect([await ask('alice', '/'), await ask('bob', '/')]).toEqual([200, 403])
  await update([{ id: 'authz-casbin', model, policy: `${policy}\ng, bob, admin` }])
  expect([await ask('alice', '/'), await ask('bob', '/')]).toEqual([200, 200])
})

test('without a policy that casbin understands nobody is let in, and the log says why once', async () => {
  const worker = new TestWorker()
  for (const config of [{}, { model: model.replace('m = (', 'm = (('), policy }]) {
    worker.lines.length = 0
    const hooks = worker.mount(plugin, { username, ...config })
    for (let time = 0; time < 3; time++) {
      const session = new TestSession('/', { headers: { [username]: 'alice' } })
      await session.run(hooks)
      expect([503, 403]).toContain(session.answer?.status)
    }
    expect(worker.lines).toEqual([['error', expect.anything(), expect.stringContaining('authz-casbin')]])
  }
})

test('what is remembered is bounded', () => {
  let asked = 0
  const enforcer = { enforceSync: () => ++asked > 0 }
  const decisions = new PolicyDecisions(enforcer as unknown as ConstructorParameters<typeof PolicyDecisions>[0])
  for (let at = 0; at < 5_000; at++) decisions.allows('a', `/${at}`, 'GET')
  decisions.allows('a', '/4999', 'GET')
  expect(asked).toBe(5_000)
  decisions.allows('a', '/0', 'GET')
  expect(asked).toBe(5_001)
})

test('what cannot be a model is refused', () => {
  expect(problemsOf(plugin, { username, model, policy })).toEqual([])
  expect(problemsOf(plugin, { username, model })).toHaveLength(1)
  expect(problemsOf(plugin, { username, model: 'x', policy })[0]).toContain('has no section [request_definition]')
  expect(problemsOf(plugin, { username, model: model.replace('r = sub, obj, act', 'r = sub'), policy })[0]).toContain(
    'r = sub, obj, act',
  )
  expect(problemsOf(plugin, { username, model_path: '/nowhere', policy_path: '/nowhere' })[0]).toContain(
    'cannot be read',
  )
  expect(problemsOf(plugin, { username: 'a b', model, policy })).toHaveLength(1)
})
