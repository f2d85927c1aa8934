import { describe, expect, it } from 'vitest'
import { RouteError, type RouteSpec } from './route.ts'
import { Router } from './router.ts'
import { requestOf } from './testing/request.ts'

type Given = Partial<RouteSpec<string>> & { id: string }

const specOf = (given: Given): RouteSpec<string> => ({
  uris: ['/*'],
  hosts: [],
  priority: 0,
  value: given.id,
  ...given,
})

function routerOf(...routes: Given[]): Router<string> {
  const router = new Router<string>()
  for (const route of routes) router.insert(specOf(route))
  return router
}

describe('paths', () => {
  const take = (path: string, ...uris: string[]): string | undefined =>
    routerOf(...uris.map((uri) => ({ id: uri, uris: [uri] }))).match(requestOf({ path }))

  it('takes an exact path before any wildcard, whatever their priorities', () => {
    const router = routerOf(
      { id: 'wildcard', uris: ['/a/*'], priority: 100 },
      { id: 'exact', uris: ['/a/b'], priority: -1 },
    )
    expect(router.match(requestOf({ path: '/a/b' }))).toBe('exact')
    expect(router.match(requestOf({ path: '/a/c' }))).toBe('wildcard')
  })

  it('takes a longer literal prefix before a higher priority', () => {
    const router = routerOf({ id: 'short', uris: ['/a/*'], priority: 100 }, { id: 'long', uris: ['/a/b*'] })
    expect(router.match(requestOf({ path: '/a/bc' }))).toBe('long')
  })

  it('gives /foo* the paths /foo and /foobar, and /foo/* neither', () => {
    expect(take('/foo', '/foo*')).toBe('/foo*')
    expect(take('/foobar', '/foo*')).toBe('/foo*')
    expect(take('/foo', '/foo/*')).toBeUndefined()
    expect(take('/foo/', '/foo/*')).toBe('/foo/*')
  })

  it('takes a literal segment before a parameter, and a parameter before a wildcard', () => {
    const uris = ['/a/*', '/a/:id', '/a/me']
    expect(take('/a/me', ...uris)).toBe('/a/me')
    expect(take('/a/you', ...uris)).toBe('/a/:id')
    expect(take('/a/you/x', ...uris)).toBe('/a/*')
    expect(take('/a/', ...uris)).toBe('/a/*')
  })

  it('goes back to the parameter when the literal leads nowhere', () => {
    const uris = ['/a/me/settings', '/a/me/x/*', '/a/:id/edit', '/a/*']
    expect(take('/a/me/edit', ...uris)).toBe('/a/:id/edit')
    expect(take('/a/me/other', ...uris)).toBe('/a/*')
  })

  it('takes what ends after a parameter before what goes on', () => {
    const uris = ['/a/:id/*', '/a/:id', '/a/:id/edit']
    expect(take('/a/1', ...uris)).toBe('/a/:id')
    expect(take('/a/1/edit', ...uris)).toBe('/a/:id/edit')
    expect(take('/a/1/', ...uris)).toBe('/a/:id/*')
  })

  it('gives a parameter no empty segment', () => {
    expect(take('/a/', '/a/:id')).toBeUndefined()
    expect(take('/a//edit', '/a/:id/edit')).toBeUndefined()
  })

  it('takes any text, slashes too, for a * between segments', () => {
    expect(take('/a/x/y/b', '/a/*/b')).toBe('/a/*/b')
    expect(take('/a/b', '/a/*/b')).toBeUndefined()
    expect(take('/a/x/b/c', '/a/*/b')).toBeUndefined()
    expect(take('/a/x/b/c', '/a/*/b/*')).toBe('/a/*/b/*')
  })

  it('takes the longer pattern of the same prefix, once priorities are equal', () => {
    expect(take('/a/x/b', '/a/*', '/a/*/b')).toBe('/a/*/b')
    const router = routerOf({ id: 'short', uris: ['/a/*'], priority: 1 }, { id: 'long', uris: ['/a/*/b'] })
    expect(router.match(requestOf({ path: '/a/x/b' }))).toBe('short')
  })

  it('takes * for everything', () => {
    expect(take('*', '*')).toBe('*')
    expect(take('/a', '*')).toBe('*')
    expect(take('*', '/*')).toBeUndefined()
  })

  it('tells texts of one and two bytes a character apart', () => {
    expect(take('/é', '/é')).toBe('/é')
    expect(take('/漢', '/漢')).toBe('/漢')
    expect(take('/漢', '/"')).toBeUndefined() // U+6F22 ends in the byte of "
  })
})

describe('order among equals', () => {
  it('takes the higher priority, then the route that was there first', () => {
    const router = routerOf({ id: 'first' }, { id: 'second' }, { id: 'high', priority: 1 })
    expect(router.match(requestOf())).toBe('high')
    router.remove('high')
    expect(router.match(requestOf())).toBe('first')
    router.remove('first')
    expect(router.match(requestOf())).toBe('second')
  })

  it('leaves a replaced route its place', () => {
    const router = routerOf({ id: 'first' }, { id: 'second' })
    router.insert(specOf({ id: 'first', value: 'first, again' }))
    expect(router.match(requestOf())).toBe('first, again')
    expect(router.size).toBe(2)
  })

  it('puts a removed route last when it comes back', () => {
    const router = routerOf({ id: 'first' }, { id: 'second' })
    router.remove('first')
    router.insert(specOf({ id: 'first' }))
    expect(router.match(requestOf())).toBe('second')
  })
})

describe('hosts', () => {
  const hosts = ['*', '*.com', '*.a.com', '*.x.a.com', 'y.x.a.com', 'a.com']
  const router = routerOf(
    { id: 'none', uris: ['/exact', '/*'], priority: 100 },
    ...hosts.map((host) => ({ id: host, hosts: [host], uris: ['/h/*'] })),
  )
  const take = (host: string, path = '/h/x'): string | undefined => router.match(requestOf({ host, path }))

  it('takes the exact host, then the longest wildcard, then none', () => {
    expect(take('y.x.a.com')).toBe('y.x.a.com')
    expect(take('z.x.a.com')).toBe('*.x.a.com')
    expect(take('z.a.com')).toBe('*.a.com')
    expect(take('w.z.a.com')).toBe('*.a.com')
    expect(take('a.com')).toBe('a.com')
    expect(take('b.com')).toBe('*.com')
    expect(take('b.org')).toBe('*')
    expect(take('')).toBe('*')
  })

  it('takes the host before path and priority, but falls through when its routes fail', () => {
    expect(take('a.com', '/exact')).toBe('none')
    const checked = routerOf(
      { id: 'post', hosts: ['a.com'], methods: ['POST'] },
      { id: 'vars', hosts: ['*.com'], vars: [['arg_x', '==', '1']] },
      { id: 'any' },
    )
    expect(checked.match(requestOf({ host: 'a.com', method: 'POST' }))).toBe('post')
    expect(checked.match(requestOf({ host: 'a.com', variables: { arg_x: '1' } }))).toBe('vars')
    expect(checked.match(requestOf({ host: 'a.com' }))).toBe('any')
  })

  it('takes *a.com for a.com too, and hosts in any case', () => {
    const loose = routerOf({ id: 'loose', hosts: ['*A.com'] })
    expect(['a.com', 'x.a.com', 'ba.com', 'a.com.org'].map((host) => loose.match(requestOf({ host })))).toEqual([
      'loose',
      'loose',
      'loose',
      undefined,
    ])
  })

  it('compares a host that names a port with what the client sent', () => {
    const ports = routerOf(
      { id: 'plain', hosts: ['a.com'] },
      { id: 'port', hosts: ['a.com:8080'] },
      { id: 'wild', hosts: ['*.a.com:8080'] },
      { id: 'six', hosts: ['[::1]:8080'] },
      { id: 'six plain', hosts: ['[::1]'] },
    )
    const at = (host: string, hostWithPort?: string): string | undefined =>
      ports.match(requestOf(hostWithPort === undefined ? { host } : { host, hostWithPort }))
    expect(at('a.com', 'a.com:8080')).toBe('port')
    expect(at('a.com', 'a.com:9090')).toBe('plain')
    expect(at('a.com', 'a.com')).toBe('plain')
    expect(at('a.com')).toBe('plain')
    expect(at('x.a.com', 'x.a.com:8080')).toBe('wild')
    expect(at('x.a.com', 'x.a.com:9090')).toBeUndefined()
    expect(at('[::1]', '[::1]:8080')).toBe('six')
    expect(at('[::1]', '[::1]:9090')).toBe('six plain')
  })
})

describe('checks', () => {
  it('compares methods, and lets a route without them take any', () => {
    const router = routerOf(
      { id: 'get', methods: ['GET', 'HEAD'] },
      { id: 'other', uris: ['/open'] },
      { id: 'dav', methods: ['MKCOL'] },
    )
    expect(router.match(requestOf({ path: '/x', method: 'HEAD' }))).toBe('get')
    expect(router.match(requestOf({ path: '/x', method: 'POST' }))).toBeUndefined()
    expect(router.match(requestOf({ path: '/x', method: 'PROPFIND' }))).toBeUndefined()
    expect(router.match(requestOf({ path: '/open', method: 'PROPFIND' }))).toBe('other')
    expect(router.match(requestOf({ path: '/x', method: 'MKCOL' }))).toBe('dav')
  })

  it('goes on to the next candidate of the same path', () => {
    const router = routerOf(
      { id: 'v2', uris: ['/a'], vars: [['http_x_version', '==', '2']], priority: 2 },
      { id: 'office', uris: ['/a'], remoteAddrs: ['10.0.0.0/8', '::1'], priority: 1 },
      {
        id: 'filter',
        uris: ['/a'],
        filterFunc: 'function (vars, session) { return vars.arg_x === "1" && session.path === "/a" }',
      },
      { id: 'rest', uris: ['/a'] },
    )
    expect(router.match(requestOf({ path: '/a', variables: { http_x_version: '2' } }))).toBe('v2')
    expect(router.match(requestOf({ path: '/a', remoteAddr: '10.1.2.3' }))).toBe('office')
    expect(router.match(requestOf({ path: '/a', remoteAddr: '::ffff:10.1.2.3' }))).toBe('office')
    expect(router.match(requestOf({ path: '/a', variables: { arg_x: '1' } }))).toBe('filter')
    expect(router.match(requestOf({ path: '/a' }))).toBe('rest')
  })

  it('reports a filter that throws, and does not take its route', () => {
    const errors: [string, unknown][] = []
    const router = new Router<string>({ onFilterError: (id, error) => errors.push([id, error]) })
    router.insert(specOf({ id: 'broken', filterFunc: '() => { throw new Error("no") }' }))
    expect(router.match(requestOf())).toBeUndefined()
    expect(errors).toEqual([['broken', new Error('no')]])
  })
})

describe('parameters', () => {
  it('gives their text to the request', () => {
    const router = routerOf(
      { id: 'deep', uris: ['/u/:user/files/*path'] },
      { id: 'edit', uris: ['/u/:id/edit'] },
      { id: 'plain', uris: ['/u'] },
    )
    const request = requestOf({ path: '/u/é 1/files/a/b' })
    expect(router.match(request)).toBe('deep')
    expect({ ...request.uriParams }).toEqual({ user: 'é 1', path: 'a/b' })

    const edit = requestOf({ path: '/u/7/edit' })
    router.match(edit)
    expect({ ...edit.uriParams }).toEqual({ id: '7' })
  })

  it('sets undefined when the route has none, or there is no route', () => {
    const router = routerOf({ id: 'plain', uris: ['/u'] })
    for (const path of ['/u', '/none']) {
      const request = requestOf({ path, uriParams: { old: '1' } })
      router.match(request)
      expect(request.uriParams).toBeUndefined()
    }
  })

  it('may have any name', () => {
    const router = routerOf({ id: 'odd', uris: ['/:__proto__/:constructor'] })
    const request = requestOf({ path: '/a/b' })
    router.match(request)
    expect(Object.entries(request.uriParams ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
    expect('toString' in (request.uriParams ?? {})).toBe(false)
  })

  it('forgets what it noted on a way that it went back from', () => {
    const router = routerOf({ id: 'far', uris: ['/:a/:b/:c/x'] }, { id: 'near', uris: ['/:only/*rest'] })
    const request = requestOf({ path: '/1/2/3/y' })
    expect(router.match(request)).toBe('near')
    expect({ ...request.uriParams }).toEqual({ only: '1', rest: '2/3/y' })
  })
})

describe('insert and remove', () => {
  it('leaves no block behind', () => {
    const router = routerOf({ id: 'stays', uris: ['/api/:id', '/app/*', '/plain'], hosts: ['a.com', '*.a.com'] })
    const before = router.blocks
    router.insert(
      specOf({
        id: 'goes',
        uris: ['/api/:id/edit', '/apple/*', '/ap*', '/plain', '/*/x', '/:a/*b'],
        hosts: ['*.b.a.com', 'b.com', 'a.com', '*'],
      }),
    )
    router.insert(specOf({ id: 'goes too', methods: ['GET'] }))
    expect(router.blocks).toBeGreaterThan(before)
    expect(router.remove('goes')).toBe(true)
    expect(router.remove('goes too')).toBe(true)
    expect(router.remove('goes')).toBe(false)
    expect(router.blocks).toBe(before)
    router.remove('stays')
    expect(router.blocks).toBe(0)
    expect(router.size).toBe(0)
  })

  it('takes a path or host that is written twice once', () => {
    const router = routerOf({ id: 'twice', uris: ['/a', '/a', '/b/*', '/b/*'], hosts: ['A.com', 'a.com'] })
    expect(router.match(requestOf({ path: '/a', host: 'a.com' }))).toBe('twice')
    router.remove('twice')
    expect(router.blocks).toBe(0)
  })

  it.each([
    [{ uris: [] }, 'uris', '', 'uris: is empty; a route needs a path, such as "/*"'],
    [{ uris: ['/a', 'b'] }, 'uris', '/1', 'uris/1: "b" must start with "/"; write "/b"'],
    [
      { hosts: ['a.com', 'a b'] },
      'hosts',
      '/1',
      'hosts/1: "a b" is not a host; write "a.com", "a.com:8080", "*.a.com" or "*"',
    ],
    [{ hosts: ['a.*'] }, 'hosts', '/0', 'hosts/0: "a.*" is not a host; write "a.com", "a.com:8080", "*.a.com" or "*"'],
    [{ methods: ['GET', 'A B'] }, 'methods', '/1', 'methods/1: "A B" is not a method'],
    [
      { remoteAddrs: ['::1', '1.2.3'] },
      'remoteAddrs',
      '/1',
      'remoteAddrs/1: "1.2.3" is not an IP address or network; write it as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32',
    ],
    [
      { vars: [['a', '=', 1]] },
      'vars',
      '/0/1',
      'vars/0/1: invalid operator "="; operators are == ~= > >= < <= ~~ ~* in has ipmatch',
    ],
    [
      { filterFunc: '1' },
      'filterFunc',
      '',
      'filterFunc: is not a function; write function (vars) { return vars.arg_x === "1" }',
    ],
  ])('refuses %j whole, and what was there goes on', (wrong, field, pointer, message) => {
    const router = routerOf({ id: 'r', uris: ['/ok'] })
    const before = router.blocks
    let thrown: unknown
    try {
      router.insert(specOf({ id: 'r', ...wrong }))
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(RouteError)
    expect(thrown).toMatchObject({ field, pointer, message })
    expect(router.match(requestOf({ path: '/ok' }))).toBe('r')
    expect(router.blocks).toBe(before)
  })

  it('has room for thirty different methods', () => {
    const router = new Router<string>()
    for (let index = 0; index < 20; index++)
      router.insert(specOf({ id: `r${index}`, uris: [`/${index}`], methods: [`M${index}`] }))
    expect(router.match(requestOf({ path: '/19', method: 'M19' }))).toBe('r19')
    expect(router.match(requestOf({ path: '/19', method: 'M18' }))).toBeUndefined()
    expect(() => router.insert(specOf({ id: 'more', methods: ['M20'] }))).toThrow(
      'methods/0: more than 30 different methods',
    )
  })
})
