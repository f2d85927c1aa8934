import { Headers } from '@sekisho/wire'
import { describe, expect, test } from 'vitest'
import { headersJson, queryJson } from './fields-json.ts'

const headers = (...fields: [string, string][]): unknown => JSON.parse(headersJson(Headers.from(fields)))

describe('fields of a head', () => {
  test('have names in lower case; several of one name are a list', () => {
    expect(headers(['Host', 'a'], ['X-One', '1'], ['x-one', '2'], ['Accept', '*/*'])).toEqual({
      host: 'a',
      'x-one': ['1', '2'],
      accept: '*/*',
    })
    expect(headers()).toEqual({})
  })

  test('that say who somebody is are hidden', () => {
    expect(
      headers(
        ['Authorization', 'Bearer x'],
        ['Cookie', 'a=b'],
        ['X-API-Key', 'k'],
        ['Set-Cookie', 'a'],
        ['Set-Cookie', 'b'],
      ),
    ).toEqual({
      authorization: '***',
      cookie: '***',
      'x-api-key': '***',
      'set-cookie': ['***', '***'],
    })
  })

  test('keep UTF-8, and are JSON with any bytes', () => {
    expect(headers(['a', Buffer.from('schön "1"\\').toString('latin1')], ['b', '\xff\x80'])).toEqual({
      a: 'schön "1"\\',
      b: '\xff\x80',
    })
  })
})

describe('a query', () => {
  test('is decoded, as far as it can be', () => {
    expect(JSON.parse(queryJson('a=1&b=x+y%20z&c&a=2&%C3%A4=%ff&=n&&d='))).toEqual({
      a: ['1', '2'],
      b: 'x y z',
      c: true,
      ä: '%ff',
      '': 'n',
      d: '',
    })
  })

  test('has a bounded number of arguments', () => {
    const query = Array.from({ length: 500 }, (_, at) => `a${at}=1`).join('&')
    expect(Object.keys(JSON.parse(queryJson(query)) as object)).toHaveLength(100)
  })
})

test('whatever strangers send is JSON, and says the same as a plain reading of it', () => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  let state = seed
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % limit
  }
  const text = (alphabet: string, length: number): string =>
    Array.from({ length: below(length) }, () => alphabet[below(alphabet.length)]).join('')
  const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
    .filter((character) => !/[^\P{Cc}\t\x80-\x9f]/u.test(character))
    .join('')
  for (let round = 0; round < 2_000; round++) {
    const fields = Array.from({ length: below(6) }, (): [string, string] => [
      `${'aAbBx'[below(5)]}${text("-_.!~#$%&'*^|09zZ", 4)}`,
      text(bytes, 12).trim(),
    ])
    const parsed = headers(...fields) as Record<string, string | string[]>
    const expected = new Map<string, number>()
    for (const [name] of fields) expected.set(name.toLowerCase(), (expected.get(name.toLowerCase()) ?? 0) + 1)
    expect(Object.keys(parsed).sort(), `seed ${seed}`).toEqual([...expected.keys()].sort())
    for (const [name, count] of expected) expect(Array.isArray(parsed[name]) ? parsed[name].length : 1).toBe(count)

    const query = text('ab=&+%41Cé"\\\n', 20)
    const read = JSON.parse(queryJson(query)) as Record<string, unknown>
    const decodable = !/%(?![0-9A-Fa-f]{2})/.test(query) && /^(?:[^%]|%[0-7][0-9A-Fa-f])*$/.test(query)
    if (!decodable || /[^\0-\x7f]/.test(query)) continue
    for (const [name, value] of new URLSearchParams(query)) {
      const own = read[name]
      const all = Array.isArray(own) ? own : [own]
      expect(
        all.map((one) => (one === true ? '' : one)),
        `seed ${seed}: ${query}`,
      ).toContain(value)
    }
  }
})
