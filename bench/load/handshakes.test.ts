import { expect, it } from 'vitest'
import { parseHandshakes } from './handshakes.js'

it('reads what openssl s_time counted', () => {
  const output = `***
1247 connections in 0.65s; 1918.46 connections/user sec, bytes read 0
1247 connections in 2 real seconds, 0 bytes read per connection
`
  expect(parseHandshakes(output)).toBe(1247)
  expect(() => parseHandshakes('connect: refused')).toThrow('connect: refused')
})
