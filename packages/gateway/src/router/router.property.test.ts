import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MatchRequest, RouteSpec } from './route.ts'
import { Router } from './router.ts'
import { linearMatch } from './testing/linear-router.ts'
import { requestOf } from './testing/request.ts'

// Small alphabets, so that patterns share prefixes, split labels in the middle, overlap and shadow each other.
const word = fc.constantFrom('a', 'ab', 'abc', 'b', 'ba', 'é', 'x:y', '漢')
const segment = fc.oneof({ weight: 4, arbitrary: word }, { weight: 2, arbitrary: fc.constantFrom(':p', ':q', ':long') })

/** Parameters get numbers, since a name may stand once only. */
function numbered(segments: readonly string[]): string {
  return segments.map((part, index) => (part.startsWith(':') ? `/${part}${index}` : `/${part}`)).join('')
}

const uri = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '', '/', '/*', '/*rest'))
      .map(([parts, end]) => numbered(parts) + end),
  },
  { weight: 2, arbitrary: fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}*`) },
  {
    weight: 2,
    arbitrary: fc.tuple(word, word, fc.constantFrom('', '/', '/*', '*')).map(([a, b, end]) => `/${a}/*/${b}${end}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('*', '/*', '/') },
)

const host = fc.constantFrom('a.com', 'x.a.com', 'y.x.a.com', 'b.com', '*.a.com', '*a.com', '*.x.a.com', '*')
const ids = Array.from({ length: 12 }, (_, index) => `r${index}`)

const spec: fc.Arbitrary<RouteSpec<string>> = fc
  .record({
    id: fc.constantFrom(...ids),
    uris: fc.uniqueArray(uri, { minLength: 1, maxLength: 3 }),
    hosts: fc.oneof(fc.constant([]), fc.uniqueArray(host, { minLength: 1, maxLength: 3 })),
    methods: fc.option(fc.subarray(['GET', 'POST', 'PURGE'], { minLength: 1 }), { nil: undefined, freq: 2 }),
    remoteAddrs: fc.option(fc.constant(['10.0.0.1']), { nil: undefined, freq: 5 }),
    vars: fc.option(fc.constantFrom([['arg_v', '==', '1']], [['arg_v', '==', '2']]), { nil: undefined, freq: 4 }),
    priority: fc.constantFrom(0, 0, 0, 1, -1),
  })
  .map(({ methods, remoteAddrs, vars, ...rest }) => ({
    ...rest,
    ...(methods && { methods }),
    ...(remoteAddrs && { remoteAddrs }),
    ...(vars && { vars }),
    value: rest.id,
  }))

const request = fc.record({
  method: fc.constantFrom('GET', 'GET', 'POST', 'PROPFIND'),
  path: fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.array(word, { minLength: 1, maxLength: 5 }), fc.constantFrom('', '/'))
        .map(([parts, end]) => `/${parts.join('/')}${end}`),
    },
    { weight: 1, arbitrary: fc.constantFrom('/', '*', '//', '/a//b') },
  ),
  host: fc.constantFrom('', 'a.com', 'x.a.com', 'y.x.a.com', 'z.y.x.a.com', 'b.com', 'ba.com', 'c.org'),
  remoteAddr: fc.constantFrom('10.0.0.1', '10.0.0.2'),
  variables: fc.constantFrom<Record<string, string>>({}, { arg_v: '1' }, { arg_v: '2' }),
})

const step = fc.oneof(
  { weight: 3, arbitrary: spec.map((route) => ({ insert: route })) },
  { weight: 1, arbitrary: fc.constantFrom(...ids).map((id) => ({ remove: id })) },
  { weight: 5, arbitrary: request.map((given) => ({ match: given })) },
)

function check(router: Router<string>, specs: ReadonlyMap<string, RouteSpec<string>>, given: MatchRequest): void {
  const expected = linearMatch([...specs.values()], given)
  const context = JSON.stringify({ given, specs: [...specs.values()] })
  expect(router.match(given), context).toBe(expected?.id)
  expect(given.uriParams && { ...given.uriParams }, context).toEqual(expected?.params)
  expect(router.explain(given).winner?.id, context).toBe(expected?.id)
}

describe('Router', () => {
  it('chooses as the linear router does, whatever was inserted, replaced and removed before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const router = new Router<string>()
        // A Map keeps the place of a key that is set again, as the router does.
        const specs = new Map<string, RouteSpec<string>>()
        for (const action of steps) {
          if ('insert' in action) {
            router.insert(action.insert)
            specs.set(action.insert.id, action.insert)
          } else if ('remove' in action) {
            expect(router.remove(action.remove)).toBe(specs.delete(action.remove))
          } else {
            check(router, specs, requestOf(action.match))
          }
          expect(router.size).toBe(specs.size)
        }
        for (const id of specs.keys()) router.remove(id)
        expect(router.blocks).toBe(0)
      }),
      { seed: 20261120, numRuns: 400 },
    )
  })

  // Far apart, so that their node searches instead of counting.
  const wide = (index: number): string => String.fromCharCode(0x4e00 + index * 5)

  it('finds every one of many routes, and leaves nothing when all are gone in another order', () => {
    const router = new Router<number>()
    const empty = router.blocks
    const count = 3000
    const uris = (index: number): string[] => [
      `/plain/${index}`,
      `/prefix/${index}/*`,
      `/user/:id/${index}`,
      `/${wide(index)}*`,
    ]
    for (let index = 0; index < count; index++) {
      router.insert({
        id: `r${index}`,
        uris: uris(index),
        hosts: index % 3 === 0 ? [`h${index}.com`, `*.w${index}.com`] : [],
        priority: 0,
        value: index,
      })
    }
    const found = (index: number, path: string): number | undefined =>
      router.match(
        requestOf({
          path,
          host: index % 3 === 0 ? (index % 2 === 0 ? `h${index}.com` : `x.w${index}.com`) : 'other.com',
        }),
      )
    for (let index = 0; index < count; index++) {
      expect(found(index, `/plain/${index}`)).toBe(index)
      expect(found(index, `/prefix/${index}/x/y`)).toBe(index)
      expect(found(index, `/user/me/${index}`)).toBe(index)
      expect(found(index, `/${wide(index)}z`)).toBe(index)
    }
    // 7 has no factor in common with the count, so this visits each once.
    for (let turn = 0, index = 0; turn < count; turn++, index = (index + 7) % count) {
      expect(router.remove(`r${index}`)).toBe(true)
      expect(found(index, `/plain/${index}`)).toBeUndefined()
      expect(found(index, `/prefix/${index}/x/y`)).toBeUndefined()
      expect(found(index, `/${wide(index)}z`)).toBeUndefined()
    }
    expect(router.size).toBe(0)
    expect(router.blocks).toBe(empty)
  })
})
