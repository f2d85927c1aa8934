import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LOG_MASK, type LogMask } from './logging/log-entry.ts'
import plugin from './data-mask.ts'
import { problemsOf, TestSession, TestWorker } from './testing/mounted.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

/** The request as logs see it. */
function logged(rules: object[], target: string, headers: Record<string, string> = {}, more: object = {}): TestSession {
  const hooks = new TestWorker().mount(plugin, { request: rules, ...more })
  const session = new TestSession(target, { headers })
  session.end(hooks)
  return session
}

const maskedBody = (
  rules: object[],
  text: string,
  type = 'application/json',
  more: object = {},
): string | undefined => {
  const all = rules.map((rule) => ({ type: 'body', body_format: 'json', ...rule }))
  return logged(all, '/', { 'content-type': type }, more).ctx.getState<LogMask>(LOG_MASK)?.requestBody?.(text)
}

describe('data-mask', () => {
  it.each([
    [{ name: 'a', action: 'remove' }, '/?a=1&b=2&a=3', '/?b=2'],
    [{ name: 'a', action: 'remove' }, '/p?a=1', '/p'],
    [{ name: 'a', action: 'remove' }, '/?%61=1&b', '/?b'],
    [{ name: 'a', action: 'remove' }, '/a?', '/a?'],
    [
      { name: 'a b', action: 'replace', value: 'x&y=z #' },
      '/?a+b=1&a%20b=2',
      '/?a+b=x%26y=z%20%23&a%20b=x%26y=z%20%23',
    ],
    [{ name: 'a', action: 'replace', value: '*' }, '/?a&ab=1', '/?a=*&ab=1'],
    [
      { name: 'mail', action: 'regex', regex: '(.)[^@]*@(.*)', value: '$1***@$2' },
      '/?mail=jack%40b.c',
      '/?mail=j***@b.c',
    ],
  ])('%j makes %s %s', (rule, target, expected) => {
    expect(logged([{ type: 'query', ...rule }], target).request.target).toBe(expected)
  })

  it('masks the target of the upstream as well', () => {
    const hooks = new TestWorker().mount(plugin, { request: [{ type: 'query', name: 'a', action: 'remove' }] })
    const session = new TestSession('/?a=1')
    session.ctx.upstreamTarget = '/x?a=1&b=2'
    session.end(hooks)
    expect(session.ctx.variable('args')).toBe('b=2')
  })

  it('masks fields', () => {
    const rules = [
      { type: 'header', name: 'x-key', action: 'remove' },
      { type: 'header', name: 'X-Name', action: 'replace', value: 'somebody' },
      { type: 'header', name: 'authorization', action: 'regex', regex: ' .*$', value: ' $$' },
    ]
    const { request } = logged(rules, '/', { 'X-Key': '1', 'x-name': 'jack', Authorization: 'Bearer abc', Other: '1' })
    expect(
      [...request.headers.entries()]
        .filter(([name]) => name !== 'Host')
        .map(([name, value]) => [name.toLowerCase(), value])
        .sort(([a], [b]) => (a! < b! ? -1 : 1)),
    ).toEqual([
      ['authorization', 'Bearer $'],
      ['other', '1'],
      ['x-name', 'somebody'],
    ])
  })

  it.each([
    [{ name: '$.a.b', action: 'remove' }, '{"a":{"b":1,"c":2}}', '{"a":{"c":2}}'],
    [{ name: 'a', action: 'replace', value: '*' }, '{"a":[1,2],"b":{"a":1}}', '{"a":"*","b":{"a":1}}'],
    [
      { name: '$..a', action: 'replace', value: '*' },
      '{"a":[1],"b":[{"a":1},{"c":{"a":2}}]}',
      '{"a":"*","b":[{"a":"*"},{"c":{"a":"*"}}]}',
    ],
    [{ name: '$.l[*].n', action: 'remove' }, '{"l":[{"n":1},{"n":2,"m":3}]}', '{"l":[{},{"m":3}]}'],
    [{ name: '$.l[1]', action: 'remove' }, '{"l":[1,2,3]}', '{"l":[1,3]}'],
    [{ name: '$.l.*', action: 'remove' }, '{"l":[1,2,3]}', '{"l":[]}'],
    [{ name: "$['a b']['c.d']", action: 'replace', value: '*' }, '{"a b":{"c.d":1}}', '{"a b":{"c.d":"*"}}'],
    [{ name: '$.n', action: 'regex', regex: '\\d(?=\\d{2})', value: '#' }, '{"n":12345}', '{"n":"###45"}'],
    [{ name: '$.n', action: 'regex', regex: '\\d', value: '#' }, `{"n":"${'1'.repeat(9_000)}"}`, '{"n":"***"}'],
    [{ name: '$[*].a', action: 'remove' }, '[{"a":1}]', '[{}]'],
    [{ name: '$.a', action: 'remove' }, 'no JSON', '***'],
    [{ name: '$.a', action: 'remove' }, '{"a":"cut', '***'],
    [{ name: '$.a', action: 'remove' }, '', ''],
    [{ name: '$..a', action: 'remove' }, `${'['.repeat(50_000)}${']'.repeat(50_000)}`, '***'],
    [{ name: '$.__proto__.a', action: 'replace', value: '*' }, '{"__proto__":{"a":1}}', '{"__proto__":{"a":"*"}}'],
    [{ name: 'a', action: 'remove', body_format: 'urlencoded' }, 'a=1&b=2&%61=3', 'b=2'],
    [{ name: 'a', action: 'remove', body_format: 'urlencoded' }, '{"a":1}', '{"a":1}'],
    [{ name: 'a', action: 'remove', body_format: 'urlencoded' }, 'a=1&'.repeat(101), '***'],
  ])('%j makes the body %s %s', (rule, text, expected) => {
    expect(maskedBody([rule], text)).toBe(expected)
  })

  it('goes by the content type where there are rules for both formats', () => {
    const rules = [
      { name: '$.a', action: 'remove' },
      { name: 'a', action: 'remove', body_format: 'urlencoded' },
    ]
    expect(maskedBody(rules, 'a=1&b=2', 'application/x-www-form-urlencoded; charset=utf-8')).toBe('b=2')
    expect(maskedBody(rules, 'a=1&b=2', 'text/plain')).toBe('***')
    expect(maskedBody(rules, '{"a":1}', 'text/plain')).toBe('{}')
    expect(maskedBody(rules, '{"b":"12345678"}', 'text/plain', { max_body_size: 10 })).toBe('***')
  })

  it('adds to the masks of another place', () => {
    const worker = new TestWorker()
    const session = new TestSession('/')
    for (const name of ['$.a', '$.b']) {
      const rule = { type: 'body', body_format: 'json', name, action: 'remove' }
      session.end(worker.mount(plugin, { request: [rule] }))
    }
    expect(session.ctx.getState<LogMask>(LOG_MASK)?.requestBody?.('{"a":1,"b":2,"c":3}')).toBe('{"c":3}')
  })

  it(`hides a secret wherever it stands in JSON (SEED=${seed})`, () => {
    const value = fc.letrec<{ all: unknown }>((tie) => ({
      all: fc.oneof(
        { maxDepth: 4 },
        fc.constant('s3cret'),
        fc.integer(),
        fc.array(tie('all'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'secret', '__proto__', 'b c'), tie('all'), { maxKeys: 3 }),
      ),
    })).all
    const withoutSecrets = (one: unknown): unknown => {
      if (Array.isArray(one)) return one.map(withoutSecrets)
      if (typeof one !== 'object' || one === null) return one
      return Object.fromEntries(
        Object.entries(one)
          .filter(([name]) => name !== 'secret')
          .map(([name, inner]) => [name, withoutSecrets(inner)]),
      )
    }
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('a', 'secret', 'b'), value), (body) => {
        const masked = maskedBody([{ name: '$..secret', action: 'remove' }], JSON.stringify(body))!
        expect(JSON.parse(masked)).toEqual(JSON.parse(JSON.stringify(withoutSecrets(body))))
      }),
      { seed, numRuns: 200 },
    )
  })

  it.each([
    [{ type: 'query', name: 'a', action: 'replace' }, '/request/0: needs "value"'],
    [{ type: 'query', name: 'a', action: 'regex', value: 'x' }, 'needs "regex"'],
    [{ type: 'query', name: 'a', action: 'remove', value: 'x' }, '/request/0/value'],
    [{ type: 'query', name: 'a', action: 'regex', regex: '(', value: 'x' }, '/request/0/regex'],
    [{ type: 'query', name: 'a', action: 'regex', regex: '(a+)+$', value: 'x' }, '/request/0/regex'],
    [{ type: 'query', name: 'a', action: 'regex', regex: 'a', value: '$x' }, '/request/0/value'],
    [{ type: 'body', name: 'a', action: 'remove' }, 'body_format'],
    [{ type: 'header', name: 'a', action: 'remove', body_format: 'json' }, '/request/0/body_format'],
    [{ type: 'body', body_format: 'json', name: '$.a[?(@.b)]', action: 'remove' }, '/request/0/name'],
    [{ type: 'body', body_format: 'json', name: '$.a[0:2]', action: 'remove' }, '/request/0/name'],
    [{ type: 'body', body_format: 'json', name: '$.a b', action: 'remove' }, '/request/0/name'],
    [{ type: 'body', body_format: 'json', name: '$a', action: 'remove' }, '/request/0/name'],
    [{ type: 'body', body_format: 'json', name: '$', action: 'remove' }, '/request/0/name'],
    [{ type: 'body', body_format: 'json', name: '$.a.', action: 'remove' }, '/request/0/name'],
    [{ type: 'cookie', name: 'a', action: 'remove' }, '/request/0/type'],
  ])('refuses %j', (rule, message) => {
    expect(problemsOf(plugin, { request: [rule] }).join('\n')).toContain(message)
  })
})
