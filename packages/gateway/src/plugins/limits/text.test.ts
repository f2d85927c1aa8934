import { describe, expect, it } from 'vitest'
import { TestSession } from '../testing/mounted.ts'
import { compileLimitText, namesVariables, variableNames } from './text.ts'

const make = (
  text: string,
  session = new TestSession('/?a=1&empty=', { headers: { 'X-User': 'jack' } }),
): string | undefined => compileLimitText(text)(session.ctx)

describe('compileLimitText', () => {
  it.each([
    ['$http_x_user', 'jack'],
    ['${http_x_user}', 'jack'],
    ['${ http_x_user }', 'jack'],
    ['<$http_x_user|$arg_a>', '<jack|1>'],
    ['$http_x_user $http_missing', 'jack '],
    ['${http_missing ?? 5}', '5'],
    ['${http_missing??5}', '5'],
    ['${http_missing ?? }', ''],
    ['${http_x_user ?? 5}', 'jack'],
    ['${arg_empty ?? 5}', ''],
    ['\\$5 for $http_x_user', '$5 for jack'],
    ['$server_protocol', 'HTTP/1.1'],
  ])('makes of %s the text %j', (text, expected) => {
    expect(make(text)).toBe(expected)
  })

  it.each(['$http_missing', '$http_missing $arg_missing', 'constant', '', '\\$http_x_user', '$', '${}'])(
    'makes nothing of %s, which has no variable with a value',
    (text) => {
      expect(make(text)).toBeUndefined()
    },
  )

  it('finds the names in a text', () => {
    expect(variableNames('${http_a ?? 1}-$arg_b \\$http_c')).toEqual(['http_a', 'arg_b'])
    expect(namesVariables('constant')).toBe(false)
  })
})
