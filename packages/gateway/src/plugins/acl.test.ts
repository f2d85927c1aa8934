import { describe, expect, onTestFinished, test } from 'vitest'
import { Type } from '../schema/type.ts'
import { startGateway } from '../testing/start-gateway.ts'
import { claimReader } from './acl/claim-path.ts'
import acl from './acl.ts'
import { definePlugin, type PluginDefinition } from './definition.ts'
import { problemsOf } from './testing/mounted.ts'

/** Says who calls as an identity provider would: the claims are in a header of the test. */
const provider = definePlugin({
  name: 'provider',
  priority: 2599,
  schema: Type.Object({}),
  create: () => ({
    rewrite({ ctx, request }) {
      const user = request.headers.get('x-user')
      if (user !== undefined) ctx.externalUser = JSON.parse(user) as Record<string, unknown>
    },
  }),
}) as unknown as PluginDefinition

const consumer = (username: string, labels: object) => ({
  username,
  labels,
  plugins: { 'key-auth': { key: username } },
})

async function asker(config: object, consumers: object[] = []) {
  const document = (list: object[]) => ({
    consumers: [...list, { username: 'bare' }],
    routes: [
      {
        uri: '/*',
        upstream_id: 'echo',
        plugins: {
          provider: {},
          'key-auth': { anonymous_consumer: 'bare', _meta: { filter: [['http_apikey', '~~', '.']] } },
          acl: config,
        },
      },
    ],
  })
  const gateway = await startGateway(document(consumers), [provider])
  onTestFinished(() => gateway.close())
  return {
    as: async (key: string) => (await gateway.fetch('/', { headers: { apikey: key } })).status,
    user: async (claims: object) =>
      (await gateway.fetch('/', { headers: { 'x-user': JSON.stringify(claims) } })).status,
    nobody: async () => (await gateway.fetch('/')).status,
    update: (list: object[]) => gateway.update(document(list)),
  }
}

describe('consumers', () => {
  test('need one value of one label, and none that is denied', async () => {
    const { as, nobody, update } = await asker(
      { allow_labels: { team: ['orders', 'sales'], role: ['admin'] }, deny_labels: { status: ['suspended'] } },
      [
        consumer('one', { team: 'orders' }),
        consumer('several', { team: 'a,sales' }),
        consumer('list', { team: '["a","orders"]' }),
        consumer('other-label', { role: 'admin' }),
        consumer('other-value', { team: 'ordersX' }),
        consumer('denied', { team: 'orders', status: 'x,suspended' }),
        consumer('broken', { team: '["orders"' }),
      ],
    )
    const seen: Record<string, number> = {}
    for (const name of ['one', 'several', 'list', 'other-label', 'other-value', 'denied', 'broken', 'unknown'])
      seen[name] = await as(name)
    expect(seen).toEqual({
      one: 200,
      several: 200,
      list: 200,
      'other-label': 200,
      'other-value': 403,
      denied: 403,
      broken: 403,
      unknown: 403,
    })
    expect(await nobody()).toBe(401)
    await update([consumer('one', { team: 'x' })])
    expect(await as('one')).toBe(403)
  })

  test('may do anything but what is denied, without allow_labels', async () => {
    const { as } = await asker({ deny_labels: { a: ['1'] }, rejected_code: 418 }, [
      consumer('x', { a: '1' }),
      consumer('y', { a: '2' }),
    ])
    expect([await as('x'), await as('y'), await as('none')]).toEqual([418, 200, 200])
  })
})

describe('users of a provider', () => {
  test('by a claim, as it looks', async () => {
    const { user } = await asker({ allow_labels: { groups: ['ops'] } })
    expect(await user({ groups: ['dev', 'ops'] })).toBe(200)
    expect(await user({ groups: 'dev, ops' })).toBe(200)
    expect(await user({ groups: '["ops"]' })).toBe(200)
    for (const claims of [
      {},
      { groups: 'opsX' },
      { groups: null },
      { groups: 7 },
      { groups: { 0: 'ops' } },
      { groups: '[ops]' },
    ])
      expect(await user(claims), JSON.stringify(claims)).toBe(403)
  })

  test('by a path, a name and a way of writing of their own', async () => {
    const field = { external_user_label_field: '$.realm_access.roles', external_user_label_field_key: 'role' }
    const table = await asker({ allow_labels: { role: ['ops'] }, external_user_label_field_parser: 'table', ...field })
    expect(await table.user({ realm_access: { roles: ['ops'] } })).toBe(200)
    expect(await table.user({ realm_access: { roles: 'ops' } })).toBe(403)
    const text = await asker({
      deny_labels: { groups: ['bad'] },
      external_user_label_field_parser: 'segmented_text',
      external_user_label_field_separator: '[|;]',
    })
    expect([await text.user({ groups: 'a | bad ;c' }), await text.user({ groups: 'a,bad' })]).toEqual([403, 200])
    const json = await asker({ allow_labels: { groups: ['ops'] }, external_user_label_field_parser: 'json' })
    expect([await json.user({ groups: '["ops"]' }), await json.user({ groups: ['ops'] })]).toEqual([200, 403])
  })
})

test('paths lead to one value, and to nothing that was not sent', () => {
  const claims = { a: { 'b.c': [{ d: 1 }] }, 'https://x.y/z': ['v'] }
  const at = (path: string) => claimReader(path)?.(claims)
  expect(at("$.a['b.c'][0].d")).toBe(1)
  expect(at('a["b.c"][0].d')).toBe(1)
  expect(at("$['https://x.y/z'][0]")).toBe('v')
  expect([at('a.constructor'), at('__proto__'), at('a.x.y'), at('$.a.d')]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  for (const path of ['$', '$..a', '$.*', 'a[*]', 'a[?(@.b)]', 'a[', 'a b', '.'])
    expect(claimReader(path), path).toBeUndefined()
})

test('a configuration that cannot be meant so is refused', () => {
  const allow = { allow_labels: { a: ['b'] } }
  expect(problemsOf(acl, {})).toEqual([expect.stringContaining('needs "allow_labels" or "deny_labels"')])
  const parser = { external_user_label_field_parser: 'segmented_text' }
  expect(problemsOf(acl, { ...allow, ...parser })[0]).toContain('separator" is missing')
  expect(problemsOf(acl, { ...allow, external_user_label_field_separator: ',' })[0]).toContain('alone')
  expect(problemsOf(acl, { ...allow, ...parser, external_user_label_field_separator: '(' })).toHaveLength(1)
  expect(problemsOf(acl, { ...allow, external_user_label_field: '$..x' })[0]).toContain('more than a path')
})
