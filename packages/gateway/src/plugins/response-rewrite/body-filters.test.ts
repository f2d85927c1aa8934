import { describe, expect, it } from 'vitest'
import { BodyFilters, type WrittenFilter } from './body-filters.ts'

const filter = (regex: string, replace: string, rest: Partial<WrittenFilter> = {}): WrittenFilter => ({
  regex,
  replace,
  scope: 'once',
  options: 'jo',
  ...rest,
})

const applied = (filters: readonly WrittenFilter[], body: string): string =>
  Buffer.from(new BodyFilters(filters).apply(Buffer.from(body))).toString('utf8')

describe('BodyFilters', () => {
  it('replaces the first match, or all', () => {
    expect(applied([filter('a', 'b')], 'aaa')).toBe('baa')
    expect(applied([filter('a', 'b', { scope: 'global' })], 'aaa')).toBe('bbb')
    expect(applied([filter('x*', '-', { scope: 'global' })], 'axb')).toBe('-a--b-')
  })

  it('applies one after the other, each time anew', () => {
    const filters = new BodyFilters([filter('a', 'b', { options: 'a' }), filter('b', 'c', { scope: 'global' })])
    for (let time = 0; time < 3; time++) expect(Buffer.from(filters.apply(Buffer.from('ab'))).toString()).toBe('cc')
  })

  it.each([
    ['i', 'HELLO', 'hello world', '! world'],
    ['m', '^b$', 'a\nb', 'a\n!'],
    ['s', 'a.b', 'a\nb', '!'],
    ['u', '^.$', '😀', '!'],
    ['', '^.$', '😀', '😀'],
    ['a', 'b', 'ab', 'ab'],
    ['jioJU', 'A', 'a', '!'],
  ])('options %j', (options, regex, body, expected) => {
    expect(applied([filter(regex, '!', { options })], body)).toBe(expected)
  })

  it('with "a" and global, goes on only where it stopped', () => {
    expect(applied([filter('x', '-', { options: 'a', scope: 'global' })], 'xxax')).toBe('--ax')
  })

  it('reads (?i) at the front', () => {
    expect(applied([filter('(?i)HELLO', '!')], 'hello')).toBe('!')
  })

  it('takes captures, and dollar signs as text', () => {
    expect(applied([filter('(\\w+) (\\w+)', '$2 ${1}0 $$1')], 'a b')).toBe('b a0 $1')
  })

  it('leaves a body without a match as the same object', () => {
    const body = Buffer.from('abc')
    expect(new BodyFilters([filter('x', 'y')]).apply(body)).toBe(body)
  })

  it('reads UTF-8 as characters', () => {
    expect(applied([filter('é.', 'ü')], 'é€!')).toBe('ü!')
    // The no-break space within "à" (C3 A0) is no blank.
    expect(applied([filter('\\s', '_', { scope: 'global' })], 'à b')).toBe('à_b')
  })

  it('keeps the bytes of a body that is not UTF-8', () => {
    const body = Buffer.from([0xff, 0xfe, 0x61, 0xc3, 0xa9, 0x00, 0x80])
    const out = new BodyFilters([filter('é', 'ö€')]).apply(body)
    expect([...out]).toEqual([0xff, 0xfe, 0x61, ...Buffer.from('ö€'), 0x00, 0x80])
    expect([...new BodyFilters([filter('a', 'b')]).apply(body)]).toEqual([0xff, 0xfe, 0x62, 0xc3, 0xa9, 0x00, 0x80])
  })

  it('leaves the memory around a piece of it alone', () => {
    const memory = Buffer.from('aabb')
    expect(Buffer.from(new BodyFilters([filter('b', 'c')]).apply(memory.subarray(1, 3))).toString()).toBe('ac')
    expect(memory.toString()).toBe('aabb')
  })

  it.each([
    [filter('(', 'x'), '/0/regex', 'is not a regular expression'],
    [filter('a++', 'x'), '/0/regex', 'possessive'],
    [filter('\\-', 'x', { options: 'u' }), '/0/regex', 'cannot be used with these options'],
    [filter('a', '$uri'), '/0/replace', '"$uri" is a variable'],
    [filter('a', 'b', { options: 'q' }), '/0/options', '"q" is no option'],
    [filter('a', 'b', { options: 'jx' }), '/0/options', '"x" (blanks and comments in expressions) is not supported'],
  ])('refuses %j', (wrong, pointer, reason) => {
    expect(() => new BodyFilters([wrong])).toThrow(
      expect.objectContaining({ pointer, reason: expect.stringContaining(reason) as string }) as Error,
    )
  })
})
