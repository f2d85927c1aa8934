import { describe, expect, test } from 'vitest'
import { checkFormat, compileFormat, formatVariables, type LogFormat } from './log-format.ts'

const values: Readonly<Record<string, string | number | undefined>> = {
  a: 'x',
  n: 7,
  nan: Number.NaN,
  q: '"\n',
  none: undefined,
  'post_arg.b': 'y',
}
const find = (name: string) => (Object.hasOwn(values, name) ? () => values[name] : undefined)
const write = (format: LogFormat): unknown => JSON.parse(`{${compileFormat(format, find)(undefined)}}`)

describe('a format', () => {
  test('has constants, variables, texts with variables, and objects of these', () => {
    expect(
      write({
        c: 'x',
        t: true,
        z: null,
        i: 1,
        v: '$a',
        n: '$n',
        text: 'a=$a n=${n} ${post_arg.b} $none.',
        o: { p: { q: '$q' } },
        e: {},
      }),
    ).toEqual({
      c: 'x',
      t: true,
      z: null,
      i: 1,
      v: 'x',
      n: 7,
      text: 'a=x n=7 y .',
      o: { p: { q: '"\n' } },
      e: {},
    })
  })

  test('leaves out what has no value, wherever it stands', () => {
    expect(write({ none: '$none', unknown: '$unknown', a: '$a', inner: { none: '$none' } })).toEqual({
      a: 'x',
      inner: {},
    })
    expect(write({ a: '$a', none: '$none' })).toEqual({ a: 'x' })
    expect(write({ nan: '$nan' })).toEqual({ nan: null })
    expect(write({})).toEqual({})
  })

  test('takes a "$" that begins no name for itself', () => {
    expect(write({ price: '5 $', dollar: '$' })).toEqual({ price: '5 $', dollar: '$' })
  })

  test('tells its variables', () => {
    expect(formatVariables({ a: '$x-$y', b: { c: '${z}' }, d: 1 })).toEqual(['x', 'y', 'z'])
  })
})

describe('the check', () => {
  test.each([
    [{ a: '$a', t: '$time_iso8601', m: '$msec' }, undefined],
    [{ a: { 'b/c': '$nope' } }, '/log_format/a/b~1c'],
    [{ a: ['x'] }, '/log_format/a'],
    [{ a: { b: { c: { d: { e: {} } } } } }, '/log_format/a/b/c/d/e'],
  ])('of %j finds %s', (format, path) => expect(checkFormat(format, find, '/log_format')?.path).toBe(path))
})
