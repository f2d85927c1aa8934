import { expect, test } from 'vitest'
import { StreamMatcher, type StreamEndpoint, type StreamPattern } from './stream-matcher.ts'

const ANY: StreamPattern = {
  transport: undefined,
  serverPort: undefined,
  serverAddr: undefined,
  remoteAddrs: [],
  snis: [],
}

const session = ({
  port = 9100,
  from = '10.1.2.3',
  to = '192.0.2.1',
  name = '',
  transport = 'tcp' as 'tcp' | 'udp',
} = {}): StreamEndpoint => ({
  transport,
  serverName: name,
  client: { remoteAddress: from, localAddress: to, localPort: port },
})

function matcher(patterns: Readonly<Record<string, Partial<StreamPattern>>>): StreamMatcher<string> {
  const made = new StreamMatcher<string>()
  for (const [id, pattern] of Object.entries(patterns)) made.set(id, { ...ANY, ...pattern }, id)
  return made
}

test('each field excludes what it does not name', () => {
  const routes = matcher({
    port: { serverPort: 9101 },
    server: { serverPort: 1, serverAddr: '192.0.2.0/24' },
    remote: { serverPort: 2, remoteAddrs: ['10.0.0.0/8', '2001:db8::/32'] },
    name: { serverPort: 3, snis: ['a.test', '*.b.test'] },
    udp: { serverPort: 4, transport: 'udp' },
  })
  expect(routes.match(session({ port: 9101 }))).toBe('port')
  expect(routes.match(session({ port: 9100 }))).toBeUndefined()
  expect(routes.match(session({ port: 1 }))).toBe('server')
  expect(routes.match(session({ port: 1, to: '192.0.3.1' }))).toBeUndefined()
  expect(routes.match(session({ port: 2 }))).toBe('remote')
  expect(routes.match(session({ port: 2, from: '2001:db8::1' }))).toBe('remote')
  expect(routes.match(session({ port: 2, from: '11.0.0.1' }))).toBeUndefined()
  expect(routes.match(session({ port: 3, name: 'a.test' }))).toBe('name')
  expect(routes.match(session({ port: 3, name: 'x.y.b.test' }))).toBe('name')
  for (const name of ['', 'b.test', 'xb.test', 'a.test.x'])
    expect(routes.match(session({ port: 3, name }))).toBeUndefined()
  expect(routes.match(session({ port: 4, transport: 'udp' }))).toBe('udp')
  expect(routes.match(session({ port: 4 }))).toBeUndefined()
})

test('the narrowest wins, in whatever order they came', () => {
  const patterns: [string, Partial<StreamPattern>][] = [
    ['any', {}],
    ['network', { remoteAddrs: ['10.0.0.0/8'] }],
    ['address', { remoteAddrs: ['10.1.2.3'] }],
    ['server', { serverAddr: '192.0.2.1' }],
    ['port', { serverPort: 9100 }],
    ['wide', { snis: ['*.test'] }],
    ['narrow', { snis: ['*.a.test'] }],
    ['name', { snis: ['x.a.test'] }],
  ]
  for (const order of [patterns, patterns.toReversed()]) {
    const routes = matcher(Object.fromEntries(order))
    const best = (name = ''): string | undefined => routes.match(session({ name }))
    const found = [best('x.a.test')]
    for (const id of ['name', 'narrow', 'wide', 'port', 'server', 'address', 'network']) {
      routes.remove(id)
      found.push(best('x.a.test'))
    }
    expect(found).toEqual(['name', 'narrow', 'wide', 'port', 'server', 'address', 'network', 'any'])
  }
})

test('routes that are alike go by their ids', () => {
  expect(matcher({ b: {}, a: {}, c: {} }).match(session())).toBe('a')
})

test('a route with several names or networks counts with the one that matches', () => {
  const routes = matcher({
    many: { remoteAddrs: ['10.1.2.3', '0.0.0.0/0'] },
    one: { remoteAddrs: ['10.0.0.0/8'] },
  })
  expect(routes.match(session())).toBe('many')
  expect(routes.match(session({ from: '10.9.9.9' }))).toBe('one')
  expect(routes.match(session({ from: '11.0.0.1' }))).toBe('many')
})

test('a route that is set again is another', () => {
  const routes = matcher({ a: { serverPort: 9100 } })
  expect(routes.match(session())).toBe('a')
  routes.set('a', { ...ANY, serverPort: 9101 }, 'a again')
  expect([routes.match(session()), routes.match(session({ port: 9101 }))]).toEqual([undefined, 'a again'])
})
