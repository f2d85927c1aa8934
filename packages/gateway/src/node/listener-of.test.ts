import { expect, test } from 'vitest'
import type { Listener } from '../config/settings/listen.ts'
import { listenerOf } from './listener-of.ts'

const listener = (host: string | undefined, port: number, more: Partial<Listener> = {}): Listener => ({
  host,
  port,
  path: undefined,
  protocol: 'http',
  proxyProtocol: undefined,
  passthrough: false,
  http2: true,
  tls: undefined,
  ...more,
})

test('listeners are found by address, whatever their order', () => {
  const [udp, http, tcp, unix] = [
    listener(undefined, 53, { protocol: 'udp' }),
    listener(undefined, 8080),
    listener(undefined, 53, { protocol: 'tcp' }),
    listener(undefined, 0, { path: '/run/a:0#2' }),
  ]
  const listen = [udp, http, tcp, unix]
  expect(listenerOf(listen, '*:53')).toBe(tcp)
  expect(listenerOf(listen, '*:8080')).toBe(http)
  expect(listenerOf(listen, 'unix:/run/a:0#2')).toBe(unix)
  expect(listenerOf(listen, '*:81')).toBeUndefined()
})

test('port 0 may be asked for several times', () => {
  const [first, second, other] = [
    listener('127.0.0.1', 0),
    listener('127.0.0.1', 0, { protocol: 'tcp' }),
    listener('::1', 0),
  ]
  const listen = [first, second, other]
  expect(listenerOf(listen, '127.0.0.1:0')).toBe(first)
  expect(listenerOf(listen, '127.0.0.1:0#2')).toBe(second)
  expect(listenerOf(listen, '[::1]:0')).toBe(other)
})
