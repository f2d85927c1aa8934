import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Route } from '../../resources/route.ts'
import { requestOf } from '../../router/testing/request.ts'
import { Router } from '../../router/router.ts'
import { importEnvoy } from './index.ts'

// Envoy looks for one virtual host and takes the first of its routes that matches; our router goes by what is most
// specific. Both must agree on every request, or nearly every imported file would be wrong in some corner.

const path = fc
  .tuple(fc.array(fc.constantFrom('a', 'ab', 'b'), { maxLength: 3 }), fc.constantFrom('', '/'))
  .map(([parts, end]) => `/${parts.join('/')}${parts.length > 0 ? end : ''}`)

type Match = Record<string, unknown>

const pathMatch: fc.Arbitrary<Match> = fc.oneof(
  { weight: 4, arbitrary: path.map((prefix) => ({ prefix })) },
  { weight: 2, arbitrary: path.map((text) => ({ path: text })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('/a', '/ab', '/a/b').map((text) => ({ path_separated_prefix: text })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('/a/b+', '/(a|b)/.*', '/a/.*', '/a|/b', '/ab?', '/a/b', '/a/*', '.*')
      .map((regex) => ({ safe_regex: { regex } })),
  },
  { weight: 1, arbitrary: path.map((prefix) => ({ prefix: prefix.toUpperCase(), case_sensitive: false })) },
)

const headers = fc.option(
  fc.constantFrom(
    [{ name: ':method', string_match: { exact: 'POST' } }],
    [{ name: ':method', string_match: { exact: 'GET' } }],
    [{ name: 'x-v', string_match: { exact: '1' } }],
    [{ name: 'x-v', string_match: { exact: '1' }, invert_match: true }],
    [{ name: 'x-v', present_match: true, invert_match: true }],
  ),
  { nil: undefined, freq: 1 },
)

const route = fc.tuple(pathMatch, headers).map(([match, list]): Match => ({ ...match, ...(list && { headers: list }) }))

const DOMAINS = [['*'], ['a.test'], ['*.a.test', 'b.test'], ['x.a.test', '*.test']] as const

const hosts = fc
  .array(fc.array(route, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: DOMAINS.length })
  .map((lists) => lists.map((routes, at) => ({ domains: DOMAINS[at], routes })))

const request = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  path,
  host: fc.constantFrom('a.test', 'x.a.test', 'y.a.test', 'b.test', 'c.test', 'other'),
  version: fc.constantFrom(undefined, '1', '2'),
})
type Given = typeof request extends fc.Arbitrary<infer T> ? T : never
type Hosts = typeof hosts extends fc.Arbitrary<infer T> ? T : never

const TYPE = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

function bootstrap(list: Hosts): string {
  const virtualHosts = list.map(({ domains, routes }, host) => ({
    name: `h${host}`,
    domains,
    routes: routes.map((match, at) => ({ name: `h${host}r${at}`, match, direct_response: { status: 200 } })),
  }))
  const manager = { '@type': TYPE, stat_prefix: 's', route_config: { virtual_hosts: virtualHosts } }
  const address = { socket_address: { address: '0.0.0.0', port_value: 80 } }
  return JSON.stringify({
    static_resources: {
      listeners: [{ address, filter_chains: [{ filters: [{ name: 'h', typed_config: manager }] }] }],
    },
  })
}

/** What Envoy does, as its documentation says it. */
function expected(list: Hosts, given: Given): string | undefined {
  const rank = (domain: string): number => {
    if (domain === given.host) return 1_000
    if (domain === '*') return 0
    return domain.startsWith('*') && given.host.endsWith(domain.slice(1)) ? domain.length : -1
  }
  const ranked = list
    .map(({ domains }, at) => ({ at, rank: Math.max(...domains.map(rank)) }))
    .filter((one) => one.rank >= 0)
    .sort((a, b) => b.rank - a.rank)
  if (ranked.length === 0) return undefined
  const { at } = ranked[0]
  const first = list[at].routes.findIndex((match) => matchesPath(match, given.path) && matchesHeaders(match, given))
  return first < 0 ? undefined : `h${at}r${first}`
}

function matchesPath(match: Match, text: string): boolean {
  const { prefix, path: exact, path_separated_prefix: segments, safe_regex: regex } = match as Record<string, string>
  if (prefix !== undefined)
    return match['case_sensitive'] === false
      ? text.toLowerCase().startsWith(prefix.toLowerCase())
      : text.startsWith(prefix)
  if (exact !== undefined) return text === exact
  if (segments !== undefined) return text === segments || text.startsWith(`${segments}/`)
  return new RegExp(`^(?:${(regex as unknown as { regex: string }).regex})$`).test(text)
}

function matchesHeaders(match: Match, { method, version }: Given): boolean {
  const list = (match['headers'] ?? []) as Record<string, unknown>[]
  return list.every((header) => {
    const value = header['name'] === ':method' ? method : version
    const inverted = header['invert_match'] === true
    if (header['present_match'] === true) return (value !== undefined) !== inverted
    if (value === undefined) return false
    return (value === (header['string_match'] as { exact: string }).exact) !== inverted
  })
}

function routerOf(yaml: string): Router<string> {
  const router = new Router<string>()
  const routes = ((parse(yaml) as { routes?: Route[] }).routes ?? []) as (Route & { id: string })[]
  // Backwards: a live change moves a route behind the others, so that the order of the file must not matter.
  for (const one of routes.reverse()) {
    router.insert({
      id: one.id,
      uris: one.uris ?? [one.uri!],
      hosts: one.hosts ?? (one.host === undefined ? [] : [one.host]),
      ...(one.methods && { methods: one.methods }),
      ...(one.vars && { vars: one.vars }),
      priority: one.priority ?? 0,
      value: one.id,
    })
  }
  return router
}

function actual(router: Router<string>, given: Given): string | undefined {
  const variables: Record<string, string> = { uri: given.path, request_method: given.method, host: given.host }
  if (given.version !== undefined) variables['http_x_v'] = given.version
  const found = router.match(requestOf({ method: given.method, path: given.path, host: given.host, variables }))
  return found?.endsWith('-not-found') === true ? undefined : found
}

it('takes the route that Envoy takes', () => {
  fc.assert(
    fc.property(hosts, fc.array(request, { minLength: 1, maxLength: 30 }), (list, requests) => {
      const result = importEnvoy('e.json', bootstrap(list))
      if ('failure' in result) throw new Error(result.failure)
      const router = routerOf(result.yaml)
      for (const given of requests)
        expect(actual(router, given), JSON.stringify({ list, given, yaml: result.yaml })).toBe(expected(list, given))
    }),
    { numRuns: 500 },
  )
})
