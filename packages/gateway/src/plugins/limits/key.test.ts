import { describe, expect, it } from 'vitest'
import type { RequestContext } from '../../request-context.ts'
import { type LogLine, TestSession } from '../testing/mounted.ts'
import { keyReader, warnOfKey } from './key.ts'

const session = new TestSession('/a?b=1', {
  headers: { 'X-User': 'jack', 'X-Empty': '' },
  remoteAddress: '2001:db8::1',
})

describe('keyReader', () => {
  it.each([
    ['remote_addr', 'var', '2001:db8::1'],
    ['http_x_user', 'var', 'jack'],
    ['http_x_empty', 'var', ''],
    ['connection_requests', 'constant', 'connection_requests'],
    ['$http_x_user $arg_b', 'var_combination', 'jack 1'],
    ['$http_x_user $arg_c', 'var_combination', 'jack '],
    ['$http_x_user', 'constant', '$http_x_user'],
  ] as const)('reads %s as %s: %s', (key, type, expected) => {
    expect(keyReader(key, type)(session.ctx)).toBe(expected)
  })

  it('makes text of numbers', () => {
    const ctx = { session: { bytesSent: 12 } } as unknown as RequestContext
    expect(keyReader('bytes_sent', 'var')(ctx)).toBe('12')
  })

  it('counts by address what has no value, where no client can get by sending the address as its key', () => {
    const missing = keyReader('http_x_missing', 'var')(session.ctx)
    expect(missing).toContain('2001:db8::1')
    expect(missing).not.toBe('2001:db8::1')
    expect(keyReader('$http_x_missing', 'var_combination')(session.ctx)).toBe(missing)
    const other = new TestSession('/', { headers: { 'X-Missing': '2001:db8::1' }, remoteAddress: '192.0.2.9' })
    expect(keyReader('http_x_missing', 'var')(other.ctx)).not.toBe(missing)
  })
})

describe('warnOfKey', () => {
  const warnings = (key: string, type: string): string[] => {
    const lines: LogLine[] = []
    const warn = (fields: object, message: string): void => void lines.push(['warn', fields, message])
    warnOfKey('limit-req', key, type, 'routes/1', { warn, error: warn, info: warn })
    return lines.map(([, , message]) => message)
  }

  it('tells of keys that mean nothing', () => {
    expect(warnings('remote_add', 'var')).toEqual([
      'limit-req: there is no variable "remote_add": requests are counted by the client\'s address',
    ])
    expect(warnings('$remote_addr ${nobody}', 'var_combination')[0]).toContain('no variable "nobody"')
    expect(warnings('remote_addr', 'var_combination')[0]).toContain('no variable in the key "remote_addr"')
  })

  it('is silent about the others', () => {
    expect(warnings('http_x_user', 'var')).toEqual([])
    expect(warnings('$remote_addr ${http_x ?? none}', 'var_combination')).toEqual([])
    expect(warnings('anything', 'constant')).toEqual([])
  })
})
