import { describe, expect, it } from 'vitest'
import { queryArgument } from '../../variables/variables.ts'
import { withoutArgument } from './without-argument.ts'

describe('withoutArgument', () => {
  it.each([
    ['/a', '/a'],
    ['/a?', '/a?'],
    ['/a?key=1', '/a'],
    ['/a?key', '/a'],
    ['/a?key=', '/a'],
    ['/a?x=1&key=2&y=3', '/a?x=1&y=3'],
    ['/a?key=1&x=%20+&key=2', '/a?x=%20+'],
    ['/a?KEY=1&keys=2&akey=3&x=key', '/a?KEY=1&keys=2&akey=3&x=key'],
    ['/a?k%65y=1&%6b%65%79=2', '/a'],
    ['/a?x=1?key=2&key=3', '/a?x=1?key=2'],
    ['/a?&&key=1&', '/a?&&'],
    ['/a?key%=1', '/a?key%=1'],
    ['/key=1', '/key=1'],
  ])('%s becomes %s', (target, expected) => {
    expect(withoutArgument(target, 'key')).toBe(expected)
  })

  it('finds names with characters that must be escaped, in either form', () => {
    expect(withoutArgument('/?api+key=1&api%20key=2&api-key=3', 'api key')).toBe('/?api-key=3')
    expect(withoutArgument('/?schl%C3%BCssel=1&x', 'schlüssel')).toBe('/?x')
  })

  it('leaves nothing that queryArgument would find', () => {
    for (const query of ['key=1&key=2', 'a&k%65y=1&key', '%6Bey', '%zz&key=%zz', 'key=a=b&ke%79==']) {
      const left = withoutArgument(`/?${query}`, 'key')
      expect(queryArgument(left.slice(2), 'key'), query).toBeUndefined()
    }
  })
})
