import { describe, expect, it } from 'vitest'
import { TestSession } from '../testing/mounted.ts'
import { checkNumber, numberReader } from './whole-number.ts'

const read = (value: number | string, header?: string, minimum: 0 | 1 = 1): number =>
  numberReader(value, minimum)(new TestSession('/', { headers: header === undefined ? {} : { 'X-N': header } }).ctx)

describe('numberReader', () => {
  it('takes numbers, and texts that are numbers', () => {
    expect(read(5)).toBe(5)
    expect(read('5')).toBe(5)
    expect(read('$http_x_n', '7')).toBe(7)
    expect(read('${http_x_n}0', '7')).toBe(70)
    expect(read('${http_x_n ?? 3}')).toBe(3)
    expect(read('$http_x_n', '0x10')).toBe(16)
    expect(read('$http_x_n', '0', 0)).toBe(0)
    expect(read('$http_x_n', '9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
  })

  it.each([
    '0',
    '-1',
    '1.5',
    '',
    'many',
    'NaN',
    'Infinity',
    '-Infinity',
    '1e999',
    '9007199254740993',
    '5 5',
    '0b11',
    '\u00b2',
  ])('gives NaN for a client that sends %j', (header) => {
    expect(read('$http_x_n', header)).toBeNaN()
  })

  it('gives NaN for what is not sent', () => {
    expect(read('$http_x_n')).toBeNaN()
    expect(read('$http_x_n', '-1', 0)).toBeNaN()
  })
})

describe('checkNumber', () => {
  it('finds texts that no request makes a number', () => {
    expect(checkNumber('many', 1, '/count')).toEqual({
      path: '/count',
      message:
        'is not a whole number from 1; write a number, or a text with a variable such as "${http_x_quota ?? 10}"',
    })
    expect(checkNumber('0', 1, '/count')?.path).toBe('/count')
    expect(checkNumber('', 0, '/burst')?.path).toBe('/burst')
    expect(checkNumber('1.5', 0, '/burst')?.path).toBe('/burst')
  })

  it('takes the others', () => {
    expect(checkNumber('0', 0, '/burst')).toBeUndefined()
    expect(checkNumber('12', 1, '/count')).toBeUndefined()
    expect(checkNumber('$http_x_n', 1, '/count')).toBeUndefined()
    expect(checkNumber(5, 1, '/count')).toBeUndefined()
    expect(checkNumber(undefined, 1, '/count')).toBeUndefined()
  })
})
