import { describe, expect, it } from 'vitest'
import { checkHeaderFields, fieldValue } from './header-fields.ts'

describe('checkHeaderFields', () => {
  it('takes names and values that can stand in a head', () => {
    expect(checkHeaderFields({ 'X-A': 'b c', 'x_b.c': 5, "!#$%&'*+-.^_`|~9": 'grün\tü' }, '/headers')).toBeUndefined()
    expect(checkHeaderFields(undefined, '/headers')).toBeUndefined()
  })

  it.each([
    [{ 'a b': 'x' }, '/headers/a b', 'is not a header name'],
    [{ '': 'x' }, '/headers/', 'is not a header name'],
    [{ 'a/~b:': 'x' }, '/headers/a~1~0b:', 'is not a header name'],
    [{ 'Content-Length': 5 }, '/headers/Content-Length', 'set by the gateway itself'],
    [{ 'transfer-encoding': 'chunked' }, '/headers/transfer-encoding', 'set by the gateway itself'],
    [{ Connection: 'close' }, '/headers/Connection', 'set by the gateway itself'],
    [{ 'X-A': 'b\r\nX-C: d' }, '/headers/X-A', 'has a control character'],
    [{ 'X-A': '$arg_a\n' }, '/headers/X-A', 'has a control character'],
  ])('finds what is wrong with %j', (fields, path, message) => {
    const found = checkHeaderFields(fields as Record<string, string | number>, '/headers')
    expect(found?.path).toBe(path)
    expect(found?.message).toContain(message)
  })
})

describe('fieldValue', () => {
  it('leaves fit values as they are', () => {
    expect(fieldValue('a\tb ü%0D')).toBe('a\tb ü%0D')
  })

  it('writes control characters as OpenResty does', () => {
    expect(fieldValue('a\r\nSet-Cookie: b\0\x7f')).toBe('a%0D%0ASet-Cookie: b%00%7F')
  })
})
