import { describe, expect, it } from 'vitest'
import { connectError, TransportError, type TransportCode } from './errors.ts'
import { refusal } from './streams/refusal.ts'

describe('what a code says', () => {
  const rows: [TransportCode, beforeConnect: boolean, timeout: boolean][] = [
    ['CONNECT_REFUSED', true, false],
    ['CONNECT_TIMEOUT', true, true],
    ['CONNECT_FAILED', true, false],
    ['NAME_NOT_RESOLVED', true, false],
    ['TLS_HANDSHAKE', true, false],
    ['TLS_CERTIFICATE', true, false],
    ['RESET', false, false],
    ['CLOSED_BEFORE_RESPONSE', false, false],
    ['BODY_CUT', false, false],
    ['READ_TIMEOUT', false, true],
    ['WRITE_TIMEOUT', false, true],
    ['BAD_RESPONSE', false, false],
    ['CLIENT_GONE', false, false],
  ]
  it.each(rows)('%s', (code, beforeConnect, timeout) => {
    expect(new TransportError(code, 'message')).toMatchObject({ code, beforeConnect, timeout, name: 'TransportError' })
  })
})

it('keeps its cause and the rule that was broken', () => {
  const cause = new Error('cause')
  const error = new TransportError('BAD_RESPONSE', 'message', { cause, refusal: refusal('OBS_FOLD') })
  expect(error.cause).toBe(cause)
  expect(error.refusal?.code).toBe('OBS_FOLD')
  expect('cause' in new TransportError('RESET', 'message')).toBe(false)
})

describe('errors while connecting', () => {
  const rows: [string, TransportCode][] = [
    ['ECONNREFUSED', 'CONNECT_REFUSED'],
    ['ENETUNREACH', 'CONNECT_FAILED'],
    ['ETIMEDOUT', 'CONNECT_FAILED'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS_CERTIFICATE'],
    ['CERT_HAS_EXPIRED', 'TLS_CERTIFICATE'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS_CERTIFICATE'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS_CERTIFICATE'],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'TLS_HANDSHAKE'],
    ['EPROTO', 'TLS_HANDSHAKE'],
  ]
  it.each(rows)('%s is %s', (code, expected) => {
    const error = connectError('db:5432', Object.assign(new Error('because'), { code }))
    expect(error.code).toBe(expected)
    expect(error.message).toContain('db:5432')
    expect(error.beforeConnect).toBe(true)
  })

  it('without a code is told by its message', () => {
    expect(connectError('db:5432', new Error('odd')).message).toBe('cannot connect to db:5432: odd')
  })
})
