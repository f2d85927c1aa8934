import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDocument, stringify } from 'yaml'
import { readPlainYaml } from './plain.ts'

const configuration = `# a comment
listen:
- 8080
- "127.0.0.1:8081"   # same column as its key
admin: { address: 127.0.0.1:9180, keys: [{ name: ops, key: $env://KEY }] }
empty:
nothing: ~
routes:
  - id: hello
    uri: /hello/*
    vars: [[arg_x, "==", 'it''s'],
           [arg_y, "~=", -1.5]]

    filter_func: |
      function (vars) {

        return vars.uri.includes('#: ')
      }
    plugins:
      limit-count:
        count: 100
        on: true
  -
    id: 2
  - - nested
    - 1e3
`

describe('the plain reader', () => {
  test('reads what configurations are written in', () => {
    expect(readPlainYaml(configuration)?.value).toEqual({
      listen: [8080, '127.0.0.1:8081'],
      admin: { address: '127.0.0.1:9180', keys: [{ name: 'ops', key: '$env://KEY' }] },
      empty: null,
      nothing: null,
      routes: [
        {
          id: 'hello',
          uri: '/hello/*',
          vars: [
            ['arg_x', '==', "it's"],
            ['arg_y', '~=', -1.5],
          ],
          filter_func: "function (vars) {\n\n  return vars.uri.includes('#: ')\n}\n",
          plugins: { 'limit-count': { count: 100, on: true } },
        },
        { id: 2 },
        ['nested', 1000],
      ],
    })
  })

  test.each([
    ['anchors and aliases', 'a: &x 1\nb: *x\n'],
    ['merge keys', 'a: {b: 1}\nc:\n  <<: 1\n'],
    ['tags', 'a: !!str 1\n'],
    ['repeated keys', 'a: 1\na: 2\n'],
    ['text over several lines', 'a: one\n  two\n'],
    ['folded text', 'a: >\n  one\n'],
    ['several documents', '---\na: 1\n'],
    ['tabs', 'a:\t1\n'],
    ['a key that would be the prototype', '__proto__: 1\n'],
    ['numbers that look otherwise', 'a: 0x10\n'],
    ['wrong indentation', 'a:\n    b: 1\n  c: 2\n'],
    ['brackets that stand too far left', 'a: [1,\n2]\n'],
    ['no document', '# nothing\n'],
  ])('leaves %s to the library', (_what, text) => {
    expect(readPlainYaml(text)).toBeUndefined()
  })
})

describe('whatever it accepts, the library reads in the same way', () => {
  const scalar = fc.oneof(
    { arbitrary: fc.constantFrom('hello', '/api/*', 'remote_addr', '127.0.0.1:80', 'a b', 'http://a/b'), weight: 8 },
    fc.constantFrom(
      '',
      'a b',
      'true',
      'null',
      '~',
      '1',
      '-0',
      '+1',
      '0x1f',
      '1.',
      '.5',
      '1e3',
      '.inf',
      '-',
      '?',
      ':',
      'a: b',
    ),
    fc.constantFrom(
      'a #b',
      '#a',
      'a:b',
      "it's",
      '"',
      '{',
      '[x',
      'x]',
      '*a',
      '&a',
      '!a',
      '%',
      '@',
      '`',
      '|',
      '>',
      '---',
      '...',
      '<<',
    ),
    fc.constantFrom(
      'a\nb\n',
      'a\n\n  b',
      ' a',
      'a ',
      'é',
      '\u2028',
      '/x/*',
      '$env://A',
      '2020-01-01',
      'yes',
      '012',
      'a\\b',
    ),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.string(),
  )
  const key = fc.constantFrom(
    'a',
    'b',
    'uri',
    'x y',
    '1',
    '127.0.0.1:80',
    'true',
    '~',
    '',
    '- a',
    '[a]',
    'a: b',
    '"q"',
    '01',
    "it's",
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalar,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 3 }),
    ),
  }))

  const document = fc.dictionary(key, value, { minKeys: 1, maxKeys: 4 })
  const layout = fc.record({
    indent: fc.constantFrom(2, 3, 4),
    indentSeq: fc.boolean(),
    flow: fc.boolean(),
    singleQuote: fc.boolean(),
  })
  // What a person gets wrong, or right in an unusual way: one place replaced by something that YAML has a meaning for.
  const damage = fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.constantFrom(0, 0, 1, 2),
      insert: fc.constantFrom(
        '',
        ' ',
        '\n',
        '  ',
        ':',
        ': ',
        '-',
        '- ',
        '#',
        ' #',
        '{',
        '}',
        '[',
        ']',
        ',',
        '"',
        "'",
        '|',
        '|-',
        '\n\n',
        'a',
        '1',
        '~',
        '?',
        '&',
        '*',
        '!',
        '\\',
        '\n  ',
        '\n- ',
      ),
    }),
    { maxLength: 2 },
  )

  type Damage = { readonly at: number; readonly remove: number; readonly insert: string }

  const damaged = (text: string, damages: readonly Damage[]): string =>
    damages.reduce((whole, { at, remove, insert }) => {
      const place = Math.floor(at * whole.length)
      return whole.slice(0, place) + insert + whole.slice(place + remove)
    }, text)

  /** False when the plain reader leaves the text to the library. */
  function agree(text: string): boolean {
    const plain = readPlainYaml(text)
    if (plain === undefined) return false
    const byLibrary = parseDocument(text, { merge: true })
    expect(byLibrary.errors).toEqual([])
    expect(byLibrary.warnings).toEqual([])
    expect(plain.value).toEqual(byLibrary.toJS())
    return true
  }

  const numRuns = Number(process.env['PLAIN_YAML_RUNS'] ?? 2500)

  test('on a configuration that is damaged', () => {
    let accepted = 0
    fc.assert(
      fc.property(damage, (damages) => {
        if (agree(damaged(configuration, damages))) accepted++
      }),
      { seed: 20262, numRuns },
    )
    expect(accepted).toBeGreaterThan(numRuns / 5)
  })

  test('with the line ends of Windows', () => {
    expect(agree(configuration.replaceAll('\n', '\r\n'))).toBe(true)
  })

  test('on generated and damaged documents', () => {
    let accepted = 0
    fc.assert(
      fc.property(document, layout, damage, (content, { indent, indentSeq, flow, singleQuote }, damages) => {
        const text = stringify(flow ? { top: content, list: [content] } : content, {
          indent,
          indentSeq,
          lineWidth: 0,
          ...(flow && { collectionStyle: 'flow' as const }),
          ...(singleQuote && { singleQuote }),
        })
        if (agree(damaged(text, damages))) accepted++
      }),
      { seed: 20261, numRuns },
    )
    // Otherwise the comparison would compare nothing.
    expect(accepted).toBeGreaterThan(numRuns / 5)
  })
})
