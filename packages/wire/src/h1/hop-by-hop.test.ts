import { describe, expect, it, test } from 'vitest'
import { Headers } from '../headers/headers.ts'
import { removeHopByHop, removeNamedFields } from './hop-by-hop.ts'

const left = (block: string): string => {
  const headers = new Headers(block)
  removeHopByHop(headers)
  return headers.block
}

it('takes out the fields of one hop and leaves the others as they are', () => {
  expect(
    left(
      'Host: a\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nupgrade: h2c\r\nProxy-Connection: close\r\nx-Own:1\r\n',
    ),
  ).toBe('Host: a\r\nx-Own:1\r\n')
})

it('takes out what Connection names, in every Connection field and in any case', () => {
  expect(
    left(
      'Connection: X-One ,, x-two\r\nCONNECTION: close\tX-Three\r\nConnection:\tx-four\r\nX-one: 1\r\nX-TWO: 2\r\nx-four: 4\r\nX-Five: 5\r\n',
    ),
  ).toBe('X-Five: 5\r\n')
})

it.each([
  'Host',
  'Content-Length',
  'Transfer-Encoding',
  'Content-Type',
  'Authorization',
  'Cookie',
  'Set-Cookie',
  'Forwarded',
  'X-Forwarded-For',
  'X-Real-IP',
])('does not let a client strip %s by naming it', (name) => {
  expect(left(`${name}: kept\r\nConnection: close, ${name.toLowerCase()}\r\n`)).toBe(`${name}: kept\r\n`)
})

it('does nothing where there is nothing to do', () => {
  expect(left('Host: a\r\nVia: 1.1 b\r\n')).toBe('Host: a\r\nVia: 1.1 b\r\n')
})

describe('removeNamedFields', () => {
  const left = (connection: string) => {
    const headers = Headers.from({
      Connection: connection,
      'X-A': '1',
      Host: 'h',
      Upgrade: 'websocket',
      TE: 'trailers',
    })
    removeNamedFields(headers)
    return Object.fromEntries(headers)
  }
  const all = { 'X-A': '1', Host: 'h', Upgrade: 'websocket', TE: 'trailers' }

  test.each([
    ['close', { ...all, Connection: 'close' }],
    ['Upgrade, keep-alive, te', { ...all, Connection: 'Upgrade, keep-alive, te' }],
    ['close, X-a , upgrade', { ...all, 'X-A': undefined, Connection: 'close, upgrade' }],
    ['x-a', { ...all, 'X-A': undefined, Connection: undefined }],
    ['host, x-b', { ...all, Connection: undefined }],
  ])('%s', (connection, expected) => expect(left(connection)).toEqual(JSON.parse(JSON.stringify(expected))))
})
