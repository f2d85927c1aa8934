import { describe, expect, test } from 'vitest'
import { parseEndpoints } from './endpoint.ts'

describe('endpoints', () => {
  test.each([
    ['http://etcd:2379', { address: 'etcd:2379', tls: false }],
    ['https://etcd.example:4001/', { address: 'etcd.example:4001', tls: true }],
    ['http://etcd', { address: 'etcd:2379', tls: false }],
    ['https://etcd:443', { address: 'etcd:443', tls: true }],
    ['http://etcd:80/', { address: 'etcd:80', tls: false }],
    ['127.0.0.1:2379', { address: '127.0.0.1:2379', tls: false }],
    ['http://[::1]:2379', { address: '[::1]:2379', tls: false }],
  ])('%s', (text, endpoint) => {
    expect(parseEndpoints([text], false)).toEqual([endpoint])
  })

  test('without a scheme, TLS where it is set', () => {
    expect(parseEndpoints(['etcd:2379'], true)).toEqual([{ address: 'etcd:2379', tls: true }])
  })

  test.each([
    ['', 'http://host:2379'],
    ['unix:///run/etcd', 'http://host:2379'],
    ['http://etcd:2379/v3', 'http://host:2379'],
    ['http://etcd:99999', 'http://host:2379'],
  ])('%j is refused', (text, words) => {
    expect(() => parseEndpoints([text], false)).toThrow(words)
  })

  test('a password in it is not repeated', () => {
    expect(() => parseEndpoints(['http://jane:secret@etcd:2379'], false)).toThrow(/settings of their own/)
    expect(() => parseEndpoints(['http://jane:secret@etcd:2379'], false)).not.toThrow(/secret/)
  })

  test('none, or too many', () => {
    expect(() => parseEndpoints([], false)).toThrow('one endpoint at least')
    expect(() =>
      parseEndpoints(
        Array.from({ length: 33 }, () => 'etcd'),
        false,
      ),
    ).toThrow('at most 32')
  })
})
