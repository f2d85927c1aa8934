import { describe, expect, test } from 'vitest'
import { secretRule } from '../config/secret-fields.ts'
import { testPlugins } from '../config/testing/plugins.ts'
import { masksLeft, restoreMasked } from './restore-masked.ts'

const broker = (host: string, password: string) => ({ host, sasl_config: { user: 'a', password } })
const list = (...brokers: object[]) => ({ plugins: { 'kafka-logger': { brokers } } })

describe('a mask that comes back', () => {
  test.each([
    ['is the secret that stands there', { a: { token: '***' } }, { a: { token: 'x' } }, { a: { token: 'x' } }],
    ['may be that of a new name', { b: { token: '***' } }, { a: { token: 'x' } }, { b: { token: '***' } }],
    ['is a whole list', { keys: '***' }, { keys: ['x', 'y'] }, { keys: ['x', 'y'] }],
    ['stays where a list is no list any more', { keys: ['***'] }, { keys: { 0: 'x' } }, { keys: ['***'] }],
  ])('%s', (_what, value, before, expected) => {
    expect(restoreMasked(value, before)).toEqual(expected)
  })

  test.each([
    ['of the same list', [broker('a', '***'), broker('b', '***')], [broker('a', '1'), broker('b', '2')]],
    ['in another order', [broker('b', '***'), broker('a', '***')], [broker('b', '2'), broker('a', '1')]],
    ['of fewer items', [broker('b', '***')], [broker('b', '2')]],
    ['of more items', [broker('c', '3'), broker('b', '***')], [broker('c', '3'), broker('b', '2')]],
    [
      'of an item that was changed in its place',
      [broker('a', '***'), broker('c', '***')],
      [broker('a', '1'), broker('c', '2')],
    ],
    ['of which nobody can tell', [broker('c', '***')], [broker('c', '***')]],
  ])('in a list: %s', (_what, items, expected) => {
    expect(restoreMasked(list(...items), list(broker('a', '1'), broker('b', '2')))).toEqual(list(...expected))
  })
})

test('a mask that stands for nothing is found where a secret belongs, and nowhere else', () => {
  const isSecret = secretRule('routes', testPlugins)
  const route = { desc: '***', ...list(broker('c', '***')), vars: [['arg_a', '==', '***']] }
  expect(masksLeft(route, isSecret)).toEqual(['/plugins/kafka-logger/brokers/0/sasl_config/password'])
})
