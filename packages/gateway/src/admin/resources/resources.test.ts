import { beforeEach, describe, expect, test } from 'vitest'
import { type AdminTester, adminTester } from '../testing/admin-tester.ts'

const ROUTE = { uri: '/hello', upstream: { nodes: { '127.0.0.1:1980': 1 } } }

let api: AdminTester
beforeEach(async () => {
  api = await adminTester()
})

describe('one resource', () => {
  test('PUT makes it (201) and replaces it (200); create_time stays', async () => {
    const made = await api.ask('PUT', '/routes/1', ROUTE)
    expect(made.status).toBe(201)
    expect(made.body).toEqual({
      key: '/apisix/routes/1',
      value: { ...ROUTE, id: '1', create_time: expect.any(Number), update_time: expect.any(Number) },
    })
    expect(made.text.endsWith('\n')).toBe(true)
    const replaced = await api.ask('PUT', '/routes/1', { ...ROUTE, uri: '/other' })
    expect(replaced.status).toBe(200)
    expect(replaced.body.value.uri).toBe('/other')
    expect(replaced.body.value.create_time).toBe(made.body.value.create_time)
  })

  test('GET shows it with its revisions; 404 where there is none', async () => {
    await api.ask('PUT', '/routes/1', ROUTE)
    await api.ask('PUT', '/routes/1', { ...ROUTE, name: 'a' })
    const { status, body, headers } = await api.ask('GET', '/routes/1')
    expect(status).toBe(200)
    expect(body).toMatchObject({ key: '/apisix/routes/1', createdIndex: 1, modifiedIndex: 2 })
    expect(headers.get('x-api-version')).toBe('v3')
    expect(headers.get('content-type')).toBe('application/json')
    const missing = await api.ask('GET', '/routes/2')
    expect(missing.status).toBe(404)
    expect(missing.body.message).toBe('Key not found')
  })

  test('both prefixes lead to the same', async () => {
    await api.ask('PUT', '/routes/1', ROUTE)
    expect((await api.ask('GET', '//admin/routes/1')).body.value.uri).toBe('/hello')
  })

  test('POST makes an id of 20 digits', async () => {
    const first = await api.ask('POST', '/routes', ROUTE)
    expect(first.status).toBe(201)
    expect(first.body.value.id).toBe('00000000000000000001')
    // Somebody wrote in between: the id that the revision gives is taken.
    await api.ask('PUT', '/routes/00000000000000000003', ROUTE)
    expect((await api.ask('POST', '/routes', ROUTE)).body.key).toBe('/apisix/routes/00000000000000000004')
  })

  test('PUT on the list takes the id of the body', async () => {
    expect((await api.ask('PUT', '/routes', { id: 7, ...ROUTE })).body.key).toBe('/apisix/routes/7')
    expect((await api.ask('PUT', '/consumers', { username: 'jack' })).body.key).toBe('/apisix/consumers/jack')
    expect((await api.ask('GET', '/consumers/jack')).body.value.id).toBeUndefined()
  })

  test('DELETE says so in words of APISIX', async () => {
    await api.ask('PUT', '/routes/1', ROUTE)
    const { status, body } = await api.ask('DELETE', '/routes/1')
    expect([status, body]).toEqual([200, { deleted: '1', key: '/apisix/routes/1' }])
    expect((await api.ask('DELETE', '/routes/1')).status).toBe(404)
  })

  test('DELETE of what others use is refused, unless forced', async () => {
    await api.ask('PUT', '/upstreams/u', { nodes: { '127.0.0.1:1': 1 } })
    await api.ask('PUT', '/routes/1', { uri: '/a', upstream_id: 'u' })
    const refused = await api.ask('DELETE', '/upstreams/u')
    expect(refused.status).toBe(400)
    expect(refused.body.error_msg).toContain('/routes/1/upstream_id "u": there is no upstream with this id')
    expect((await api.ask('DELETE', '/upstreams/u?force=true')).status).toBe(200)
    expect((await api.ask('DELETE', '/upstreams/u?force=yes')).status).toBe(400)
  })

  test('plugin metadata has the name of its plugin for an id', async () => {
    expect((await api.ask('PUT', '/plugin_metadata/limit-cout', {})).body.error_msg).toContain('"limit-count"')
  })

  test('HEAD answers as GET, without a body', async () => {
    await api.ask('PUT', '/routes/1', ROUTE)
    const { status, text } = await api.ask('HEAD', '/routes/1')
    expect([status, text]).toEqual([200, ''])
    expect((await api.ask('HEAD', '')).status).toBe(200)
  })
})

describe('what is refused, with the place and the remedy', () => {
  const refused: [string, string, unknown, number, string][] = [
    ['PUT', '/routes/1', { ...ROUTE, uri: 'hello' }, 400, '/uri "hello": must start with "/"; write "/hello"'],
    ['PUT', '/routes/1', { uri: '/a', upstream_id: '9' }, 400, '/upstream_id "9": there is no upstream with this id'],
    ['PUT', '/routes/1', { ...ROUTE, plugins: { 'limit-cout': {} } }, 400, 'did you mean "limit-count"?'],
    ['PUT', '/routes/1', { ...ROUTE, id: '2' }, 400, 'wrong route id'],
    ['PUT', '/routes', ROUTE, 400, 'missing route id'],
    ['PUT', '/consumers/a', { username: 'b' }, 400, 'wrong consumer username'],
    ['PUT', '/routes/a%20b', ROUTE, 400, '/id "a b": may hold letters'],
    ['PUT', '/routes/1', '', 400, 'missing configurations'],
    ['PUT', '/routes/1', '[]', 400, 'invalid configuration: the body must be a JSON object'],
    ['PUT', '/routes/1', '{"uri": }', 400, 'invalid request body: a value is expected (line 1, column 9)'],
    ['PUT', '/routes/1', '{"uri":"/a","uri":"/b"}', 400, 'the key "uri" is there twice'],
    ['PUT', '/routes/1', { ...ROUTE, create_time: 1 }, 400, 'the property is forbidden'],
    ['PUT', '/routes/1?ttl=x', ROUTE, 400, 'invalid argument ttl: should be a number'],
    ['PUT', '/routes/1?ttl=0', ROUTE, 400, 'invalid argument ttl'],
    ['POST', '/routes', { ...ROUTE, id: '1' }, 400, 'do not need it'],
    ['POST', '/routes/1', ROUTE, 400, 'do not need it'],
    [
      'POST',
      '/consumers',
      { username: 'a' },
      405,
      'not supported `POST` method for consumers; supported are GET, PUT, DELETE',
    ],
    ['PATCH', '/consumers/a', {}, 405, 'not supported `PATCH`'],
    ['POST', '/global_rules', {}, 405, 'not supported `POST`'],
    ['GET', '/rutes', undefined, 404, 'Unsupported resource type: rutes'],
    ['GET', '/routes/1/uri', undefined, 404, 'only PATCH takes a path within a resource'],
    ['DELETE', '/routes', undefined, 400, 'missing route id'],
    ['GET', '/routes/%zz', undefined, 400, 'wrong escape'],
    ['GET', '/routes?page=1', undefined, 400, 'paging takes "page" and "page_size"'],
    ['GET', '/routes?page=1&page_size=5', undefined, 400, 'between 10 and 500'],
    ['GET', '/routes?name=(', undefined, 400, 'invalid argument name'],
    ['GET', '/services?filter=upstream_id%3D1', undefined, 400, 'cannot be filtered by "upstream_id"'],
  ]
  test.each(refused)('%s %s %j', async (method, path, body, status, words) => {
    const answer = await api.ask(method, path, body)
    expect(answer.body.error_msg).toContain(words)
    expect(answer.status).toBe(status)
    expect(api.control.revision).toBe(0)
  })

  test('all problems are listed', async () => {
    const { body } = await api.ask('PUT', '/routes/1', { ...ROUTE, uri: 'hello', host: '-', hosts: [1] })
    expect(body.problems.length).toBeGreaterThan(1)
    expect(body.error_msg).toContain(`(and ${body.problems.length - 1} more`)
    expect(body.problems[0]).toEqual({
      path: '/uri',
      value: '"hello"',
      message: 'must start with "/"',
      remedy: 'write "/hello"',
    })
  })
})

describe('PATCH', () => {
  beforeEach(async () => {
    await api.ask('PUT', '/routes/1', { ...ROUTE, labels: { a: '1', b: '2' }, hosts: ['a.com', 'b.com'] })
  })

  test('merges objects, replaces lists, and null takes away', async () => {
    const { status, body } = await api.ask('PATCH', '/routes/1', {
      hosts: ['c.com'],
      labels: { a: null, c: '3' },
      name: 'n',
    })
    expect(status).toBe(200)
    expect(body.value).toMatchObject({ uri: '/hello', hosts: ['c.com'], name: 'n', labels: { b: '2', c: '3' } })
    expect(body.value.labels.a).toBeUndefined()
  })

  test('a path within: the part is replaced, and made where there is none', async () => {
    const nodes = { '127.0.0.1:2': 1 }
    expect((await api.ask('PATCH', '/routes/1/upstream/nodes', nodes)).body.value.upstream.nodes).toEqual(nodes)
    const added = await api.ask('PATCH', '/routes/1/plugins/cors', { max_age: 5 })
    expect(added.body.value.plugins).toEqual({ cors: { max_age: 5 } })
    expect((await api.ask('PATCH', '/routes/1/hosts/1', '"z.com"')).body.value.hosts).toEqual(['a.com', 'z.com'])
    expect((await api.ask('PATCH', '/routes/1/labels', 'null')).body.value.labels).toBeUndefined()
  })

  test.each([
    ['/routes/1/uri/x', '1', 'invalid sub-path: /uri: what is there has no fields'],
    ['/routes/1/hosts/7', '1', 'invalid sub-path: /hosts/7: the list has 2 items'],
    ['/routes/1/labels/__proto__/x', '"1"', 'invalid sub-path: /labels/__proto__'],
    ['/routes/1', '{"id":"2"}', '/id: a resource keeps its id'],
    ['/routes/1', '{"uri":"x"}', '/uri "x": must start with "/"'],
    ['/routes/1', '{"labels":{"constructor":{"prototype":{"x":1}}}}', '/labels/constructor'],
  ])('%s %s', async (path, body, words) => {
    const answer = await api.ask('PATCH', path, body)
    expect(answer.status).toBe(400)
    expect(answer.body.error_msg).toContain(words)
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  test('starts anew when somebody else was faster', async () => {
    api.control.before = async () => {
      await api.ask('PATCH', '/routes/1', { desc: 'theirs' })
    }
    const { status, body } = await api.ask('PATCH', '/routes/1', { name: 'ours' })
    expect(status).toBe(200)
    expect(body.value).toMatchObject({ desc: 'theirs', name: 'ours' })
  })

  test('404 where there is none', async () => {
    expect((await api.ask('PATCH', '/routes/2', {})).status).toBe(404)
  })
})

describe('conditions', () => {
  test('If-Match and If-None-Match', async () => {
    await api.ask('PUT', '/routes/1', ROUTE)
    const { headers } = await api.ask('GET', '/routes/1')
    const etag = headers.get('etag')!
    expect((await api.ask('PUT', '/routes/1', ROUTE, { 'if-match': etag })).status).toBe(200)
    const late = await api.ask('PUT', '/routes/1', ROUTE, { 'if-match': etag })
    expect(late.status).toBe(412)
    expect(late.body.error_msg).toContain('read it again')
    expect((await api.ask('PATCH', '/routes/1', {}, { 'if-match': etag })).status).toBe(412)
    expect((await api.ask('DELETE', '/routes/1', undefined, { 'if-match': etag })).status).toBe(412)
    expect((await api.ask('PUT', '/routes/1', ROUTE, { 'if-none-match': '*' })).status).toBe(412)
    expect((await api.ask('PUT', '/routes/2', ROUTE, { 'if-none-match': '*' })).status).toBe(201)
    expect((await api.ask('PUT', '/routes/2', ROUTE, { 'if-match': 'x' })).status).toBe(400)
  })
})

describe('lists', () => {
  test('empty', async () => {
    expect((await api.ask('GET', '/routes')).body).toEqual({ total: 0, list: [] })
  })

  test('filters and pages', async () => {
    await api.ask('PUT', '/upstreams/u', { nodes: { '127.0.0.1:1': 1 } })
    for (let at = 1; at <= 25; at++) {
      const more = at % 2 === 0 ? { labels: { even: 'yes' } } : {}
      const target = at > 20 ? { upstream_id: 'u' } : { upstream: ROUTE.upstream }
      await api.ask('PUT', `/routes/${at}`, { uri: `/r${at}`, name: `route ${at}`, ...target, ...more })
    }
    const ids = async (query: string): Promise<string[]> => {
      const { body } = await api.ask('GET', `/routes?${query}`)
      return [body.total, ...body.list.map(({ value }: { value: { id: string } }) => value.id)]
    }
    expect(await ids('page=3&page_size=10')).toEqual([25, '21', '22', '23', '24', '25'])
    expect(await ids('page=9&page_size=10')).toEqual([25])
    expect(await ids('label=even&page=1&page_size=10')).toHaveLength(11)
    expect(await ids('name=%5Eroute%201%24')).toEqual([1, '1'])
    expect(await ids('uri=r2%5B45%5D')).toEqual([2, '24', '25'])
    expect((await ids('filter=upstream_id%3Du'))[0]).toBe(5)
  })

  test('a hostile expression is refused', async () => {
    await api.ask('PUT', '/routes/1', { ...ROUTE, name: `${'a'.repeat(40)}!` })
    const started = performance.now()
    const { status, body } = await api.ask('GET', `/routes?name=${encodeURIComponent('^(a+)+$')}`)
    expect(status).toBe(400)
    expect(body.error_msg).toContain('can take exponential time')
    expect(performance.now() - started).toBeLessThan(5_000)
  })
})

describe('certificates', () => {
  test('private keys go in and never come out', async () => {
    const { A_CERTIFICATE, KEY } = await import('../../tls/testing/server-certificates.ts')
    const made = await api.ask('PUT', '/ssls/1', { sni: 'a.com', cert: A_CERTIFICATE, key: KEY })
    expect(made.status).toBe(201)
    for (const path of ['/ssls/1', '/ssls', '/history', '/diff?from=0', '/events?x'].slice(0, 4))
      expect((await api.ask('GET', path)).text).not.toContain('PRIVATE KEY')
    expect(made.text).not.toContain('PRIVATE KEY')
    expect(JSON.stringify(api.audited)).not.toContain('PRIVATE KEY')
    // PATCH works on what is kept, not on what is shown.
    expect((await api.ask('PATCH', '/ssls/1', { status: 0 })).status).toBe(200)
    expect((await api.ask('GET', '/configs?secrets=true')).body.ssls[0].key).toBe(KEY)
  })
})

describe('dry run', () => {
  test('says what would be, and writes nothing', async () => {
    const { status, body } = await api.ask('PUT', '/routes/1?dry_run=true', ROUTE)
    expect(status).toBe(200)
    expect(body).toMatchObject({ dry_run: true, changes: [{ kind: 'routes', id: '1', before: null }] })
    expect((await api.ask('PUT', '/routes/1?dry_run=true', { uri: 'x' })).status).toBe(400)
    expect(api.control.revision).toBe(0)
    await api.ask('PUT', '/routes/1', ROUTE)
    expect((await api.ask('DELETE', '/routes/1?dry_run=true')).body.dry_run).toBe(true)
    expect((await api.ask('GET', '/routes/1')).status).toBe(200)
  })
})
