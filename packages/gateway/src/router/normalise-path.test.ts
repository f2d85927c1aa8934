import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalisePath } from './normalise-path.ts'

/** The characters of a latin1 string, as they come from the socket. */
const bytes = (text: string): string => Buffer.from(text).toString('latin1')

describe('normalisePath', () => {
  it.each(['/', '/a', '/a/b/', '/a.b/c..d/e.', '/a+b;c=1,d', "/!$&'()*~-_:@", '*'])('leaves %s as it is', (path) => {
    expect(normalisePath(path)).toBe(path)
  })

  it.each([
    ['', '/'],
    ['//', '/'],
    ['/a//b///c', '/a/b/c'],
    ['/./a', '/a'],
    ['/a/.', '/a/'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/..', '/'],
    ['/a/b/../../c', '/c'],
    ['/a//../b', '/b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/...', '/a/...'],
    ['/a/..b/.c', '/a/..b/.c'],
    ['/%61%2Fb', '/a/b'],
    ['/a/%2e%2E/b', '/b'],
    ['/a%2f%2fb', '/a/b'],
    ['/a%20b', '/a b'],
    ['/%25', '/%'],
    ['/%2541', '/%41'],
    ['/a%3Fb%23c', '/a?b#c'],
    ['/caf%C3%A9', '/café'],
    ['/%E6%BC%A2', '/漢'],
    [bytes('/漢'), '/漢'],
    ['/%E9', '/é'],
    ['/%C3%A9%FF', '/Ã©ÿ'],
    ['/%C0%AF', '/À¯'],
    ['/a\x7f', '/a\x7f'],
  ])('makes %j into %j', (path, expected) => {
    expect(normalisePath(path)).toBe(expected)
  })

  it.each([
    'a',
    'http://a/b',
    '/..',
    '/../a',
    '/a/../..',
    '/%2e%2e/a',
    '/%',
    '/%4',
    '/%zz',
    '/%4g',
    '/a%00',
    '/a\0',
    '/漢',
  ])('refuses %j', (path) => {
    expect(normalisePath(path)).toBeUndefined()
  })

  it('reads a path longer than its buffer', () => {
    expect(normalisePath(`//${'a'.repeat(20_000)}`)).toBe(`/${'a'.repeat(20_000)}`)
  })

  it('gives what a stack of segments gives', () => {
    const piece = fc.constantFrom('/', '/', '.', '..', 'a', 'bc', '%2F', '%2e', '%41', 'é', '%C3%A9')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const raw = bytes(`/${pieces.join('')}`)
        expect(normalisePath(raw)).toBe(bySegments(decodeURIComponent(`/${pieces.join('')}`)))
      }),
      { seed: 7, numRuns: 2000 },
    )
  })

  it('never leaves anything to resolve', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('/', '.', '%2e', '%2f', 'x'), { maxLength: 20 }), (pieces) => {
        const path = normalisePath(`/${pieces.join('')}`)
        if (path !== undefined) expect(path).toMatch(/^\/(?!.*\/\/)(?!.*\/\.\.?(\/|$))/)
      }),
      { seed: 8, numRuns: 2000 },
    )
  })
})

function bySegments(decoded: string): string | undefined {
  const stack: string[] = []
  const segments = decoded.split('/')
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') stack.push(segment)
    else if (stack.pop() === undefined) return undefined
  }
  const last = segments[segments.length - 1]
  const open = last === '' || last === '.' || last === '..'
  return `/${stack.join('/')}${open && stack.length > 0 ? '/' : ''}`
}
