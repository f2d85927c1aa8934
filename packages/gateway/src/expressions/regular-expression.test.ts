import { describe, expect, it } from 'vitest'
import { compileRegularExpression } from './regular-expression.ts'

const compile = (source: string, ignoreCase = false): RegExp => compileRegularExpression(source, ignoreCase, '/0/2')

describe('compileRegularExpression', () => {
  it.each([
    ['(?i)^curl', 'CURL/8', true],
    ['(?i)(?s)a.b', 'A\nB', true],
    ['(?m)^b$', 'a\nb', true],
    ['\\Aab\\z', 'ab', true],
    ['(?m)\\Ab', 'a\nb', false],
    ['a\\z', 'a\n', false],
    ['a\\Z', 'a\n', true],
    ['^\\h+$', ' \t', true],
    ['^[\\h]+$', ' \t', true],
    ['^\\x{e9}$', 'é', true],
    ['(?P<year>\\d{4})-(?P=year)', '2020-2020', true],
    ['(?<year>\\d{4})', '2020', true],
    ['^[[:alpha:]_]+$', 'ab_', true],
    ['^[[:alpha:]_]+$', 'a1', false],
    ['^[^[:digit:]]+$', 'a1', false],
    ['^[]a]+$', ']a', true],
    ['^[^]a]+$', 'b]', false],
    ['(?<!x)y(?=z)', 'yz', true],
    ['^a\\++$', 'a++', true],
    ['^[a++]+$', '+a', true],
    ['^\\[:alpha:\\]$', '[:alpha:]', true],
  ])('%s on %j is %j', (source, text, expected) => {
    expect(compile(source).test(text)).toBe(expected)
  })

  it('ignores case when the operator says so', () => {
    expect(compile('(?s)A.B', true).flags).toBe('is')
  })

  it.each([
    ['a++', 'possessive quantifiers (a++) are not supported; write a+'],
    ['a{2}+', 'possessive quantifiers (a++) are not supported; write a+'],
    ['(?>a)', 'the group (?> is not supported; JavaScript has no equal'],
    ['(?#note)a', 'the group (?# is not supported; JavaScript has no equal'],
    ['a(?i)b', 'flags such as (?i) are supported at the front only'],
    ['(?i:a)b', 'flags such as (?i) are supported at the front only'],
    ['(?x) a', '(?x) is not supported; of the flags, i, m and s are'],
    ['(*UTF8)a', '(*…) verbs are not supported'],
    ['\\Qa.b\\E', '\\Q is not supported; escape the characters one by one'],
    ['\\p{L}', '\\p is not supported; write a character class such as [A-Za-z]'],
    ['[[:nope:]]', '[:nope:] is not supported; write its characters out'],
    ['[\\A]', '\\A cannot stand in a character class'],
    ['[abc', 'has a character class without its closing ]'],
    ['a\\', 'ends in a lone backslash'],
  ])('refuses %s', (source, reason) => {
    expect(() => compile(source)).toThrow(`/0/2: ${reason}`)
  })
})
