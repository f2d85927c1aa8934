import { describe, expect, test } from 'vitest'
import { LoadBalancer } from '../balancing/index.ts'
import { ProxyError } from '../proxy-error.ts'
import { peer, type PeerOptions } from './peer.ts'

describe('the address', () => {
  test.each([
    ['192.0.2.1:8080', '192.0.2.1', 8080, '192.0.2.1:8080'],
    ['192.0.2.1', '192.0.2.1', 80, '192.0.2.1:80'],
    ['[2001:db8::1]:8080', '2001:db8::1', 8080, '[2001:db8::1]:8080'],
    ['name.test', 'name.test', 80, 'name.test:80'],
    ['unix:/run/x.sock', '/run/x.sock', 0, '/run/x.sock'],
  ])('%s', (address, host, port, name) => {
    expect(peer(address)).toMatchObject({ host, port, name })
  })

  test('has port 443 with TLS', () => {
    expect(peer('name.test', { tls: true }).port).toBe(443)
    expect(peer('name.test:8443', { tls: true }).port).toBe(8443)
  })

  test.each(['', 'host:0x50', 'host:99999', '[::1', 'a b'])('that is none throws: %s', (address) => {
    expect(() => peer(address)).toThrow()
  })
})

test('a node of a balancer is remembered, and none left is a 503', () => {
  const nodes = LoadBalancer.roundRobin(['192.0.2.1:80'])
  const node = nodes.select()
  expect(peer(node).backend).toBe(node)
  let error: unknown
  try {
    peer(nodes.select('', node === undefined ? [] : [node]))
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(ProxyError)
  expect(error).toMatchObject({ code: 'NO_UPSTREAM', status: 503, source: 'upstream' })
})

test('the defaults: 10 s to connect, 60 s between reads and writes, verified TLS only where asked for', () => {
  expect(peer('192.0.2.1')).toMatchObject({
    tls: undefined,
    connectTimeoutMs: 10_000,
    readTimeoutMs: 60_000,
    writeTimeoutMs: 60_000,
    keepAlive: { maxIdle: 320, idleTimeoutMs: 60_000, maxRequests: 1_000 },
  })
  expect(peer('192.0.2.1', { keepAlive: { maxIdle: 1 } }).keepAlive).toEqual({
    maxIdle: 1,
    idleTimeoutMs: 60_000,
    maxRequests: 1_000,
  })
  expect(peer('name.test', { tls: true, sni: 'other.test' }).tls).toEqual({ serverName: 'other.test' })
})

describe('the key of the pool', () => {
  const keyOf = (address: string, options: PeerOptions = {}): string => {
    const made = peer(address, options)
    return (made.resolved ?? made.resolveTo('192.0.2.9')).key
  }
  const BASE: PeerOptions = { tls: { ca: 'A' } }

  test('is the same for equal peers', () => {
    expect(keyOf('name.test:443', { tls: { ca: 'A' } })).toBe(keyOf('name.test:443', BASE))
    expect(keyOf('name.test:443', { ...BASE, readTimeoutMs: 1 })).toBe(keyOf('name.test:443', BASE))
  })

  test('differs in each single thing that changes trust', () => {
    const keys = [
      keyOf('name.test:443', BASE),
      keyOf('name.test:444', BASE),
      keyOf('other.test:443', BASE),
      keyOf('name.test:443'),
      keyOf('name.test:443', { tls: true }),
      keyOf('name.test:443', { tls: { ca: 'B' } }),
      keyOf('name.test:443', { tls: { ca: ['A', 'B'] } }),
      keyOf('name.test:443', { tls: { ca: 'A', verify: false } }),
      keyOf('name.test:443', { tls: { ca: 'A', serverName: 'x.test' } }),
      keyOf('name.test:443', { tls: { ca: 'A', cert: 'C', key: 'K' } }),
      keyOf('name.test:443', { tls: { ca: 'A', cert: 'C', key: 'L' } }),
      keyOf('name.test:443', { tls: { ca: 'A', minVersion: 'TLSv1.3' } }),
      keyOf('name.test:443', { tls: { ca: 'A', ciphers: 'X' } }),
      keyOf('name.test:443', { ...BASE, group: 'g' }),
      keyOf('name.test:443', { ...BASE, localAddress: '127.0.0.2' }),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('cannot be forged by a separator in a group or a name', () => {
    expect(keyOf('192.0.2.1:80', { group: 'a', localAddress: 'b' })).not.toBe(
      keyOf('192.0.2.1:80', { group: '', localAddress: 'b|a' }),
    )
    expect(keyOf('name.test:443', { tls: { serverName: 'a|unverified', verify: true } })).not.toBe(
      keyOf('name.test:443', { tls: { serverName: 'a', verify: false } }),
    )
  })
})

test('a name is not resolved until somebody does; an address change changes the key', () => {
  const named = peer('name.test:80')
  expect(named.resolved).toBeUndefined()
  const first = named.resolveTo('192.0.2.1')
  expect(named.resolveTo('192.0.2.1')).toBe(first)
  expect(named.resolveTo('192.0.2.2').key).not.toBe(first.key)
  expect(named.resolved).toBeUndefined()
})
