import { beforeEach, describe, expect, test } from 'vitest'
import { type AdminTester, adminTester } from '../testing/admin-tester.ts'

const UPSTREAM = { id: 'u', nodes: { '127.0.0.1:1980': 1 } }

let api: AdminTester
beforeEach(async () => {
  api = await adminTester()
})

describe('POST /transaction', () => {
  test('writes all, whatever the order of the lists', async () => {
    const { status, body } = await api.ask('POST', '/transaction', {
      routes: [{ id: '1', uri: '/a', upstream_id: 'u' }],
      upstreams: [UPSTREAM],
    })
    expect(status).toBe(200)
    expect(body.revision).toBe(1)
    expect(body.changes.map(({ kind, id, before }: Record<string, unknown>) => [kind, id, before])).toEqual([
      ['upstreams', 'u', null],
      ['routes', '1', null],
    ])
  })

  test('or nothing; problems say where in the body', async () => {
    const text =
      '{\n  "upstreams": [{ "id": "u", "nodes": {} }],\n  "routes": [\n    { "id": "a/b", "uri": "x" }\n  ]\n}'
    const { status, body } = await api.ask('POST', '/transaction', text)
    expect(status).toBe(400)
    expect(api.control.revision).toBe(0)
    const uri = body.problems.find(({ path }: { path: string }) => path === '/routes/a~1b/uri')
    expect(uri).toMatchObject({ value: '"x"', line: 4, column: 27 })
  })

  test('replace deletes what is not there; a dry run only says so', async () => {
    await api.ask('POST', '/transaction', { upstreams: [UPSTREAM, { ...UPSTREAM, id: 'v' }] })
    const dry = await api.ask('POST', '/transaction?replace=true&dry_run=true', { upstreams: [UPSTREAM] })
    expect(dry.body).toMatchObject({ revision: 1, dry_run: true, changes: [{ id: 'v', after: null }] })
    expect((await api.ask('GET', '/upstreams')).body.total).toBe(2)
    await api.ask('POST', '/transaction?replace=true', { upstreams: [UPSTREAM] })
    expect((await api.ask('GET', '/upstreams')).body.total).toBe(1)
  })

  test('deletes by id', async () => {
    await api.ask('POST', '/transaction', {
      upstreams: [UPSTREAM],
      routes: [{ id: 1, uri: '/a', upstream_id: 'u' }],
    })
    const both = { delete: { upstreams: ['u'], routes: [1] } }
    expect((await api.ask('POST', '/transaction', { delete: { upstreams: ['u'] } })).status).toBe(400)
    expect((await api.ask('POST', '/transaction', both)).body.changes).toHaveLength(2)
  })

  test('if_revision: only when nobody changed anything since', async () => {
    await api.ask('POST', '/transaction', { upstreams: [UPSTREAM] })
    const late = await api.ask('POST', '/transaction?if_revision=0', { upstreams: [UPSTREAM] })
    expect([late.status, late.body.error_msg]).toEqual([412, expect.stringContaining('is at revision 1, not 0')])
    expect((await api.ask('POST', '/transaction?if_revision=1', { upstreams: [UPSTREAM] })).status).toBe(200)
  })

  test('reads YAML, and no environment of ours', async () => {
    const yaml = { 'content-type': 'application/yaml' }
    const text = 'routes:\n  - uri: /a\n    upstream: http://127.0.0.1:1\n'
    const { body } = await api.ask('POST', '/transaction', text, yaml)
    expect(body.changes[0].id).toMatch(/^auto-/)
    const hostile = await api.ask('POST', '/transaction', 'routes:\n  - uri: /${{HOME}}\n', yaml)
    expect(hostile.body.error_msg).toContain('environment variable "HOME" is not set')
  })

  test.each([
    [{ listen: [8080] }, '/listen: is no list of resources; lists here are consumer_groups'],
    [{ routes: {} }, '/routes: must be a list'],
    [{ routes: [1] }, '/routes/0: must be an object'],
    [{ upstreams: [UPSTREAM, UPSTREAM] }, 'is the id of /upstreams/0 already'],
    [[], 'the body must be an object with lists'],
  ])('%j is refused', async (document, words) => {
    const { status, body } = await api.ask('POST', '/transaction', document)
    expect(status).toBe(400)
    expect(body.error_msg).toContain(words)
  })
})

describe('history, diff, rollback', () => {
  beforeEach(async () => {
    await api.ask('PUT', '/upstreams/u', { nodes: { '127.0.0.1:1': 1 } })
    await api.ask('PUT', '/upstreams/u', { nodes: { '127.0.0.1:2': 1 } })
    await api.ask('PUT', '/upstreams/v', { nodes: { '127.0.0.1:3': 1 } })
  })

  test('history, the newest first, page by page', async () => {
    const { body } = await api.ask('GET', '/history?limit=2')
    expect(body.list.map(({ revision }: { revision: number }) => revision)).toEqual([3, 2])
    expect(body.list[0].time).toBeGreaterThan(1.6e12)
    expect((await api.ask('GET', '/history?before=2')).body.list).toHaveLength(1)
    expect((await api.ask('GET', '/history?limit=0')).status).toBe(400)
  })

  test('diff', async () => {
    const { body } = await api.ask('GET', '/diff?from=1&to=2')
    expect(body.changes).toHaveLength(1)
    expect(body.changes[0]).toMatchObject({
      before: { nodes: { '127.0.0.1:1': 1 } },
      after: { nodes: { '127.0.0.1:2': 1 } },
    })
    expect((await api.ask('GET', '/diff?from=9')).status).toBe(404)
    expect((await api.ask('GET', '/diff')).status).toBe(400)
  })

  test('the configuration as it was', async () => {
    const { body } = await api.ask('GET', '/configs?revision=1')
    expect(body).toMatchObject({ upstreams: [{ id: 'u', nodes: { '127.0.0.1:1': 1 } }] })
    expect(body.upstreams).toHaveLength(1)
    expect((await api.ask('GET', '/configs?revision=9')).status).toBe(404)
  })

  test('rollback of one, and of all, as new changes', async () => {
    const one = await api.ask('POST', '/rollback', { revision: 1, only: 'upstreams/u' })
    expect(one.body).toMatchObject({ revision: 4, changes: [{ id: 'u', after: { nodes: { '127.0.0.1:1': 1 } } }] })
    expect((await api.ask('GET', '/upstreams')).body.total).toBe(2)
    expect((await api.ask('POST', '/rollback?dry_run=true', { revision: 1 })).body.changes).toHaveLength(1)
    await api.ask('POST', '/rollback', { revision: 1 })
    expect((await api.ask('GET', '/upstreams')).body.total).toBe(1)
  })

  test.each([
    [{}, '/revision: write a revision'],
    [{ revision: 1, only: 'route/1' }, '/only: write one resource as "routes/1"'],
    [{ revison: 1 }, '/revison: is not known here'],
    [{ revision: 99 }, 'revision 99 is not known'],
  ])('%j is refused', async (body, words) => {
    const answer = await api.ask('POST', '/rollback', body)
    expect([answer.status, answer.body.error_msg]).toEqual([400, expect.stringContaining(words)])
  })
})

describe('GET /events', () => {
  const reader = async () => {
    const response = await api.app.request('/apisix/admin/events', {
      headers: { 'x-api-key': 'an-admin-key-of-the-tests' },
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const stream = response.body!.getReader()
    const decoder = new TextDecoder()
    return { next: async () => decoder.decode((await stream.read()).value), cancel: () => stream.cancel() }
  }

  test('one event for each change', async () => {
    const events = await reader()
    expect(await events.next()).toBe('id: 0\nevent: revision\ndata: {"revision":0}\n\n')
    await api.ask('PUT', '/upstreams/u', UPSTREAM)
    expect(await events.next()).toBe(
      'id: 1\nevent: change\ndata: {"revision":1,"changes":[{"kind":"upstreams","id":"u","operation":"create"}]}\n\n',
    )
    await events.cancel()
    await api.ask('DELETE', '/upstreams/u')
  })

  test('no more than 32 at once, and who leaves makes room', async () => {
    const all = await Promise.all(Array.from({ length: 32 }, reader))
    expect((await api.ask('GET', '/events')).status).toBe(503)
    await all[0]!.cancel()
    await (await reader()).cancel()
    await Promise.all(all.slice(1).map((events) => events.cancel()))
  })
})

test('a store that cannot be reached: 503, and why', async () => {
  api.control.failure = new Error('no endpoint of etcd answers')
  const { status, body } = await api.ask('PUT', '/upstreams/u', UPSTREAM)
  expect([status, body.error_msg]).toEqual([503, 'the change could not be stored: no endpoint of etcd answers'])
})

test('a read-only store: 405, and what to do', async () => {
  const { ask } = await adminTester({ readOnly: 'edit the file' })
  for (const [method, path] of [
    ['PUT', '/routes/1'],
    ['POST', '/routes'],
    ['PATCH', '/routes/1'],
    ['DELETE', '/routes/1'],
    ['POST', '/transaction'],
    ['POST', '/rollback'],
  ] as const) {
    const { status, body, headers } = await ask(method, path, {})
    expect([path, status, body.error_msg, headers.get('allow')]).toEqual([path, 405, 'edit the file', 'GET, HEAD'])
  }
  expect((await ask('GET', '/routes')).status).toBe(200)
})

test('POST /configs/validate', async () => {
  expect((await api.ask('POST', '/configs/validate', { upstreams: [UPSTREAM] })).body).toEqual({})
  const { status, body } = await api.ask('POST', '/configs/validate', { routes: [{ id: '1', uri: '/a' }] })
  expect(status).toBe(400)
  expect(body).toMatchObject({
    error_msg: 'Configuration validation failed',
    errors: [{ resource_type: 'routes', resource_id: '1', index: 0 }],
  })
  expect(api.control.revision).toBe(0)
})
