import { describe, expect, it } from 'vitest'
import { Headers } from '../../headers/headers.ts'
import {
  AUTHORITY,
  CONTENT_LENGTH,
  COOKIE,
  EXPECT,
  FORBIDDEN,
  HOST,
  MALFORMED,
  METHOD,
  PATH,
  PLAIN,
  PROTOCOL,
  SCHEME,
  STATUS,
  TE,
  UNKNOWN_PSEUDO,
  Field,
} from './field.ts'

describe('a field', () => {
  it.each([
    ['accept', PLAIN],
    [':method', METHOD],
    [':scheme', SCHEME],
    [':authority', AUTHORITY],
    [':path', PATH],
    [':protocol', PROTOCOL],
    [':status', STATUS],
    [':', UNKNOWN_PSEUDO],
    [':Path', UNKNOWN_PSEUDO],
    ['content-length', CONTENT_LENGTH],
    ['host', HOST],
    ['cookie', COOKIE],
    ['te', TE],
    ['expect', EXPECT],
    ['connection', FORBIDDEN],
    ['keep-alive', FORBIDDEN],
    ['proxy-connection', FORBIDDEN],
    ['transfer-encoding', FORBIDDEN],
    ['upgrade', FORBIDDEN],
    ['', MALFORMED],
    ['Accept', MALFORMED],
    ['a b', MALFORMED],
    ['a:', MALFORMED],
    ['a\r\nb', MALFORMED],
    ['\xe9', MALFORMED],
  ])('named %j is of kind %i', (name, kind) => {
    expect(new Field(name, 'x').kind).toBe(kind)
  })

  it.each(['a\0', 'a\rb', 'a\nb', 'a\r\nb: c', '\x7f', '\x01', ' a', 'a ', '\ta', 'a\t', ' '])(
    'with the value %j is malformed and has no line, whatever its name',
    (value) => {
      for (const name of ['x', ':path', 'host']) {
        expect(new Field(name, value)).toMatchObject({ kind: MALFORMED, line: '' })
      }
    },
  )

  it.each(['', 'a', 'a b', 'a\tb', '\x80\xff', '!'])('with the value %j has a line', (value) => {
    expect(new Field('x-y', value)).toMatchObject({ kind: PLAIN, line: `x-y: ${value}\r\n` })
  })

  it('has no line where it stands in no head', () => {
    for (const name of [':path', ':x', 'connection', 'Bad']) expect(new Field(name, '/').line).toBe('')
  })

  it('has the size of RFC 7541 section 4.1 and the bits by which Headers finds it', () => {
    const field = new Field('custom-key', 'custom-header')
    expect(field.size).toBe(55)
    const headers = new Headers(field.line, field.maskBit, field.tailBit)
    expect([headers.get('custom-key'), headers.get('custom-kez')]).toEqual(['custom-header', undefined])
  })
})
