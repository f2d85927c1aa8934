import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeSegments, parsePathTemplate, type PathTemplate } from './path-template.ts'
import { PathTrie } from './path-trie.ts'

const template = (text: string): PathTemplate => {
  const parsed = parsePathTemplate(text)
  if ('error' in parsed) throw new Error(`${text}: ${parsed.error}`)
  return parsed
}

function trie(...rules: string[]): PathTrie<string> {
  const paths = new PathTrie<string>()
  for (const rule of rules) {
    const [method, text] = rule.split(' ')
    paths.insert(template(text), method, rule)
  }
  return paths
}

const found = (paths: PathTrie<string>, request: string): string | readonly string[] => {
  const [method, path] = request.split(' ')
  const match = paths.match(path, method)
  return 'value' in match ? match.value : match.allowed
}

describe('which template matches', () => {
  const paths = trie(
    'GET /',
    'GET /v1/shelves',
    'POST /v1/shelves',
    'GET /v1/shelves/{shelf}',
    'GET /v1/shelves/{shelf}:peek',
    'POST /v1/shelves/{shelf}:merge',
    'GET /v1/shelves/top',
    'GET /v1/{name=files/**}',
    'GET /v1/{name=files/**}:stat',
    'GET /v1/*/books',
    '* /any/{x}',
    'GET /a%20b/{x}',
  )

  test.each([
    ['GET /', 'GET /'],
    ['GET /v1/shelves', 'GET /v1/shelves'],
    ['POST /v1/shelves', 'POST /v1/shelves'],
    ['GET /v1/shelves/top', 'GET /v1/shelves/top'],
    ['GET /v1/shelves/7', 'GET /v1/shelves/{shelf}'],
    ['GET /v1/shelves/7:peek', 'GET /v1/shelves/{shelf}:peek'],
    ['GET /v1/shelves/7:unknown', 'GET /v1/shelves/{shelf}'],
    ['GET /v1/shelves/books', 'GET /v1/shelves/{shelf}'],
    ['GET /v1/other/books', 'GET /v1/*/books'],
    ['GET /v1/files', 'GET /v1/{name=files/**}'],
    ['GET /v1/files/a/b/c', 'GET /v1/{name=files/**}'],
    ['GET /v1/files/a/b:stat', 'GET /v1/{name=files/**}:stat'],
    ['GET /v1/files/books', 'GET /v1/{name=files/**}'],
    ['PURGE /any/1', '* /any/{x}'],
    ['GET /a%20b/1', 'GET /a%20b/{x}'],
  ])('%s', (request, rule) => expect(found(paths, request)).toBe(rule))

  test.each([
    ['GET /v2'],
    ['GET /v1/shelves/'],
    ['GET /v1/shelves/7/8'],
    ['GET /V1/shelves'],
    ['GET *'],
    [`GET ${'/a'.repeat(300)}`],
  ])('%s matches none', (request) => expect(found(paths, request)).toEqual([]))

  test('the methods of a path that is known', () => {
    expect(found(paths, 'DELETE /v1/shelves')).toEqual(['GET', 'POST'])
    expect(found(paths, 'GET /v1/shelves/7:merge')).toBe('GET /v1/shelves/{shelf}')
    expect(found(paths, 'PUT /v1/shelves/7:merge')).toEqual(['POST', 'GET'])
  })

  test('two templates for the same paths exclude each other', () => {
    const own = trie('GET /v1/{a}')
    expect(own.insert(template('/v1/{b}'), 'GET', 'second')).toBe('GET /v1/{a}')
    expect(own.insert(template('/v1/{b}'), 'POST', 'second')).toBeUndefined()
    expect(own.insert(template('/v1/{b}:x'), 'GET', 'second')).toBeUndefined()
    expect(own.insert(template('/v1/**'), 'GET', 'second')).toBeUndefined()
  })
})

test.each([
  ['a/b', 'a/b'],
  ['a%20b/c%2Fd', 'a b/c%2Fd'],
  ['a%2fb', 'a%2fb'],
  ['%252F', '%2F'],
  ['%ff', undefined],
  ['%', undefined],
])('several segments decoded: %s', (segments, decoded) => expect(decodeSegments(segments)).toBe(decoded))

/** The rules said another way: each template as a regular expression, the best by its own order of preference. */
test('agrees with regular expressions', () => {
  const segment = fc.constantFrom('a', 'b', '*', '{x}')
  const templates = fc
    .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '/**'), fc.constantFrom('', ':v'))
    .map(([segments, rest, verb]) => {
      const used = segments.map((part, at) => (part === '{x}' ? `{x${at}}` : part))
      return `/${[...used, ...(rest === '' ? [] : ['**'])].join('/')}${verb}`
    })
    .filter((text) => !text.startsWith('/:'))
  const paths = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 4 }), fc.constantFrom('', ':v', ':w'))
    .map(([segments, verb]) => `/${segments.join('/')}${verb}`)

  fc.assert(
    fc.property(fc.array(templates, { maxLength: 8 }), paths, (texts, path) => {
      const trieOfAll = new PathTrie<string>()
      for (const text of texts) trieOfAll.insert(template(text), 'GET', text)
      const match = trieOfAll.match(path, 'GET')
      const fitting = texts.filter((text) => regularExpression(text).test(path))
      if ('value' in match) expect(fitting).toContain(match.value)
      else expect(fitting).toEqual([])
    }),
    { seed: 20265, numRuns: 20_000 },
  )
})

function regularExpression(text: string): RegExp {
  const { segments, verb } = template(text)
  const source = segments
    .map((part) =>
      part === '**' ? '(?:/.*)?' : part === '*' ? (verb === '' ? '/[^/]+' : '/[^/]+?') : `/${part.literal}`,
    )
    .join('')
  return new RegExp(`^${source === '' ? '/' : source}${verb === '' ? '' : `:${verb}`}$`)
}
