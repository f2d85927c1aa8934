import { describe, expect, it } from 'vitest'
import type { RouteSpec } from './route.ts'
import { Router } from './router.ts'
import { requestOf } from './testing/request.ts'

function routerOf(...routes: (Partial<RouteSpec<string>> & { id: string })[]): Router<string> {
  const router = new Router<string>()
  for (const route of routes)
    router.insert({ uris: ['/*'], hosts: [], priority: 0, value: route.id.toUpperCase(), ...route })
  return router
}

describe('explain', () => {
  it('says of every candidate which check failed first, and why the winner won', () => {
    const router = routerOf(
      { id: 'elsewhere', uris: ['/other'] },
      { id: 'rest' },
      { id: 'host', hosts: ['a.com', '*.a.com'] },
      { id: 'path', uris: ['/a/x'], hosts: ['b.com'] },
      { id: 'methods', uris: ['/a/b'], methods: ['POST', 'PUT'], vars: [['arg_x', 9]] },
      { id: 'address', uris: ['/a/:id'], remoteAddrs: ['10.0.0.0/8'] },
      {
        id: 'vars',
        uris: ['/a/*'],
        vars: [
          ['arg_y', null],
          ['arg_x', '==', 1],
        ],
        priority: 9,
      },
      { id: 'filter', uris: ['/a/*'], filterFunc: '() => false' },
      { id: 'throws', uris: ['/a/*'], filterFunc: '() => nothing' },
      { id: 'winner', uris: ['/a/*'], priority: -1 },
    )
    const request = requestOf({ path: '/a/b', host: 'b.com', remoteAddr: '192.168.0.1', variables: { arg_x: '2' } })
    expect(router.explain(request)).toEqual({
      winner: {
        id: 'winner',
        value: 'WINNER',
        uri: '/a/*',
        host: undefined,
        why: 'before rest, because its literal text is longer; the 5 candidates before it failed a check',
      },
      routes: [
        { id: 'methods', uri: '/a/b', host: undefined, failed: 'methods: route wants POST or PUT, request has GET' },
        {
          id: 'address',
          uri: '/a/:id',
          host: undefined,
          failed: 'remote_addrs: route wants 10.0.0.0/8, request has 192.168.0.1',
        },
        { id: 'vars', uri: '/a/*', host: undefined, failed: 'vars[1]: arg_x == 1 is not true (arg_x is "2")' },
        { id: 'filter', uri: '/a/*', host: undefined, failed: 'filter_func: returned false' },
        {
          id: 'throws',
          uri: '/a/*',
          host: undefined,
          failed: 'filter_func: threw ReferenceError: nothing is not defined',
        },
        { id: 'winner', uri: '/a/*', host: undefined, failed: undefined },
        { id: 'rest', uri: '/*', host: undefined, failed: undefined },
        { id: 'host', uri: '/*', host: undefined, failed: 'host: route wants a.com or *.a.com, request has b.com' },
        { id: 'path', uri: undefined, host: 'b.com', failed: 'uri: route wants /a/x, request has /a/b' },
      ],
    })
  })

  it.each([
    [{ hosts: ['a.com'] }, { priority: 5 }, 'its host is exact', ['*.com']],
    [{ hosts: ['*.com'] }, { priority: 5 }, 'it names the host', []],
    [{ hosts: ['*a.com'] }, {}, 'its host wildcard is longer', ['*.com', '*']],
    [{ uris: ['/a/b'] }, { uris: ['/a/*'], priority: 5 }, 'its path is exact', []],
    [{ uris: ['/a/:id'] }, { uris: ['/a/*'], priority: 5 }, 'a parameter goes before a wildcard', []],
    [{ uris: ['/:x/b'] }, { uris: ['/:x/b*'], priority: 5 }, 'its path ends here', []],
    [{ priority: 1 }, {}, 'its priority is higher (1)', []],
    [{ uris: ['/*/b'] }, {}, 'its pattern is longer', []],
    [{}, {}, 'it was there first', []],
  ])('gives the reason of %j before %j', (first, second, reason, hosts) => {
    const router = routerOf({ id: 'first', ...first }, { id: 'second', hosts, ...second })
    const { winner } = router.explain(requestOf({ path: '/a/b', host: 'a.com' }))
    expect(winner).toMatchObject({ id: 'first', why: `before second, because ${reason}` })
  })

  it('names the port as a reason', () => {
    const router = routerOf({ id: 'plain', hosts: ['a.com'] }, { id: 'port', hosts: ['a.com:80'] })
    const { winner } = router.explain(requestOf({ host: 'a.com', hostWithPort: 'a.com:80' }))
    expect(winner).toMatchObject({ id: 'port', why: 'before plain, because it names the port' })
  })

  it('says that nothing else is left, and has no winner when none passes', () => {
    expect(routerOf({ id: 'only' }).explain(requestOf()).winner?.why).toBe('no other route is left')
    expect(routerOf({ id: 'only', methods: ['PUT'] }).explain(requestOf())).toEqual({
      winner: undefined,
      routes: [{ id: 'only', uri: '/*', host: undefined, failed: 'methods: route wants PUT, request has GET' }],
    })
  })
})
