import { describe, expect, test } from 'vitest'
import { type AdminTester, adminTester, VIEWER_KEY } from '../testing/admin-tester.ts'

const api: AdminTester = await adminTester()

describe('plugins', () => {
  test('by name, in the order in which they run', async () => {
    const { body } = await api.ask('GET', '/plugins/list')
    expect(body.indexOf('real-ip')).toBeLessThan(body.indexOf('key-auth'))
    expect((await api.ask('GET', '/plugins/list?subsystem=stream')).body).toEqual([
      'ip-restriction',
      'limit-conn',
      'syslog',
    ])
    expect((await api.ask('GET', '/plugins/list?subsystem=mqtt')).status).toBe(400)
  })

  test('their schemas', async () => {
    expect((await api.ask('GET', '/plugins/limit-count')).body.properties.count).toBeDefined()
    expect((await api.ask('GET', '/plugins/key-auth?schema_type=consumer')).body.properties.key).toBeDefined()
    expect((await api.ask('GET', '/schema/plugins/cors')).body.type).toBe('object')
    const unknown = await api.ask('GET', '/plugins/nothing')
    expect([unknown.status, unknown.body.error_msg]).toEqual([
      404,
      expect.stringContaining('plugin not found in subsystem http'),
    ])
    expect((await api.ask('GET', '/plugins?all=true')).body['key-auth']).toMatchObject({ priority: 2500, type: 'auth' })
  })

  test('only those that the node allows', async () => {
    const { ask } = await adminTester({ allowedPlugins: ['cors'] })
    expect((await ask('GET', '/plugins/list')).body).toEqual(['cors'])
  })

  test('reload', async () => {
    let reloaded = 0
    const { ask } = await adminTester({ reloadPlugins: () => Promise.resolve(void reloaded++) })
    expect(await ask('PUT', '/plugins/reload')).toMatchObject({ status: 200, text: 'done' })
    expect(reloaded).toBe(1)
    expect((await ask('GET', '/plugins/reload')).status).toBe(405)
  })
})

describe('schemas', () => {
  test('of one kind, and of the whole file', async () => {
    expect((await api.ask('GET', '/schema/route')).body.properties.uri).toBeDefined()
    expect((await api.ask('GET', '/schema/rute')).status).toBe(400)
    const { body } = await api.ask('GET', '/schema/sekisho.json')
    expect(body.$defs.plugins.properties['limit-count']).toBeDefined()
  })

  test('validate, by schemas alone', async () => {
    const fine = await api.ask('POST', '/schema/validate/routes', { uri: '/a', upstream_id: 'not there' })
    expect([fine.status, fine.text]).toEqual([400, expect.stringContaining('/upstream_id')])
    const ok = await api.ask('POST', '/schema/validate/routes', { uri: '/a', upstream_id: 'nowhere' })
    expect([ok.status, ok.text]).toEqual([200, ''])
    const wrong = await api.ask('POST', '/schema/validate/route', {
      uri: '/a',
      upstream_id: '1',
      plugins: { 'limit-count': { count: 'x' } },
    })
    expect(wrong.body.error_msg).toContain('/plugins/limit-count')
    expect((await api.ask('POST', '/schema/validate/rutes', {})).status).toBe(404)
  })
})

describe('secret managers', () => {
  test('each has a schema of its own', async () => {
    expect((await api.ask('GET', '/schema/secret')).body.oneOf).toHaveLength(3)
    const vault = { id: 'vault/1', uri: 'https://vault:8200', prefix: 'kv', token: 't' }
    expect((await api.ask('POST', '/schema/validate/secrets', vault)).status).toBe(200)
    const { status, body } = await api.ask('POST', '/schema/validate/secrets', { ...vault, id: 'aws/1' })
    expect([status, body.problems[0].message]).toEqual([400, '"access_key_id" is missing'])
  })

  test('are resources with an id of two parts, whose secrets nobody sees', async () => {
    const { ask } = await adminTester()
    const value = { uri: 'https://vault:8200', prefix: 'kv', token: 'hvs.secret' }
    expect(await ask('PUT', '/secrets/vault/1', value)).toMatchObject({
      status: 201,
      body: { key: '/apisix/secrets/vault/1' },
    })
    expect((await ask('GET', '/secrets/vault/1')).body.value).toMatchObject({ id: 'vault/1', token: '***' })
    const viewer = { 'x-api-key': VIEWER_KEY }
    expect((await ask('GET', '/secrets', undefined, viewer)).body.list[0].value.token).toBe('***')
    expect((await ask('PATCH', '/secrets/vault/1/prefix', '"other"')).body.value.prefix).toBe('other')
    expect((await ask('PUT', '/secrets/vault', value)).status).toBe(404)
    expect((await ask('PUT', '/secrets/consul/1', value)).body.error_msg).toMatch(/^invalid secret manager: consul/)
    expect((await ask('POST', '/secrets/vault/1', value)).status).toBe(405)
    expect((await ask('DELETE', '/secrets/vault/1')).status).toBe(200)
    expect((await ask('GET', '/secrets')).body).toEqual({ total: 0, list: [] })
  })
})

describe('OpenAPI', () => {
  test('names every path of every kind, and every reference leads somewhere', async () => {
    const { status, body } = await api.ask('GET', '/openapi.json')
    expect(status).toBe(200)
    expect(body.openapi).toBe('3.1.0')
    expect(Object.keys(body.paths['/consumers'])).toEqual(['get'])
    expect(Object.keys(body.paths['/routes/{id}'])).toEqual(['parameters', 'get', 'put', 'patch', 'delete'])
    expect(Object.keys(body.paths['/secrets'])).toEqual(['get'])
    expect(Object.keys(body.paths['/secrets/{manager}/{id}'])).toEqual(['parameters', 'get', 'put', 'patch', 'delete'])
    const names = new Set(Object.keys(body.components.schemas))
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target = '']) => target)
    expect(references.length).toBeGreaterThan(20)
    for (const target of references) expect(names).toContain(target.replace('#/components/schemas/', ''))
    const ids = [...JSON.stringify(body).matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('every path that it names is there', async () => {
    const { body } = await api.ask('GET', '/openapi.json')
    for (const [path, operations] of Object.entries(body.paths as Record<string, object>)) {
      if (!('get' in operations) || path === '/events' || path.startsWith('/plugins/{')) continue
      const { status, body: answer } = await api.ask('GET', path.replace('{id}', '1').replace('{kind}', 'route'))
      expect([path, status, answer.error_msg]).not.toEqual([path, 404, expect.stringContaining('Unsupported')])
    }
  })
})

describe('control API', () => {
  test('routes, services, upstreams, schemas', async () => {
    const { ask } = await adminTester()
    await ask('PUT', '/upstreams/u', { nodes: { '127.0.0.1:1': 1 } })
    expect((await ask('GET', '//v1/upstreams')).body[0]).toMatchObject({ key: '/apisix/upstreams/u', modifiedIndex: 1 })
    expect((await ask('GET', '//v1/upstream/u')).body.value.id).toBe('u')
    expect((await ask('GET', '//v1/route/9')).body).toEqual({ error_msg: 'route[9] not found' })
    const { body } = await ask('GET', '//v1/schema')
    expect(Object.keys(body.stream_plugins)).toEqual(['ip-restriction', 'limit-conn', 'syslog'])
    expect(body.main.route.type).toBe('object')
    expect((await ask('POST', '//v1/gc')).status).toBe(200)
    expect(await ask('GET', '//v1/healthcheck')).toMatchObject({ status: 200, body: [] })
    expect((await ask('GET', '//v1/none')).status).toBe(404)
  })
})
