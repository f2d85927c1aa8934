import { Headers } from '@sekisho/wire'
import { expect, test } from 'vitest'
import { ForgedFields } from './forged-fields.ts'

test.each([
  ['X-Userinfo', true],
  ['x-userinfo', true],
  ['X_Userinfo', true],
  ['X-ID_Token', true],
  ['x_id_token', true],
  ['X.Team', true],
  ['X-Userinfo2', false],
  ['My-X_Userinfo', false],
  ['X-Team', false],
])('%s goes: %s', (name, goes) => {
  const headers = new Headers()
  headers.append('A_b', 'X_Userinfo: not a field')
  headers.append(name, 'forged')
  headers.append('Z', 'z')
  new ForgedFields(['X-Userinfo', 'X_ID-Token', 'x.team']).drop(headers)
  expect(headers.has(name)).toBe(!goes)
  expect([headers.get('a_b'), headers.get('z')]).toEqual(['X_Userinfo: not a field', 'z'])
})

test('no names, no change', () => {
  const headers = new Headers()
  headers.append('a_b', 'c')
  new ForgedFields([]).drop(headers)
  expect([...headers]).toEqual([['a_b', 'c']])
})
