import { expect, it } from 'vitest'
import { readyLine } from './commands/start.ts'
import type { SupervisorSettings } from './commands/settings.ts'
import { servedAddresses } from './served-addresses.ts'

const plain = {
  host: undefined,
  port: 0,
  path: undefined,
  protocol: 'http',
  proxyProtocol: undefined,
  passthrough: false,
  http2: true,
  tls: undefined,
} as const
const tls = { ...plain, tls: { certificate: undefined, http2: true } }
const settings: SupervisorSettings['settings'] = {
  listen: [plain, tls, plain, plain],
  workers: 2,
  metrics: { address: { host: '127.0.0.1', port: 9091, path: undefined } },
  shutdown: { grace_period: 30, drain_delay: 0 },
  upgrade: { ready_timeout: 60 },
}
const info = {
  listeners: [
    { key: '*:8080', address: { address: '::', family: 'IPv6', port: 8080 } },
    { key: '127.0.0.1:8443', address: { address: '127.0.0.1', family: 'IPv4', port: 8443 } },
    { key: '[::1]:81', address: { address: '::1', family: 'IPv6', port: 81 } },
    { key: 'unix:/run/a.sock', address: '/run/a.sock' },
  ],
  controlListeners: [
    { key: 'metrics', address: { address: '127.0.0.1', family: 'IPv4', port: 9091 } },
    { key: 'admin', address: { address: '::1', family: 'IPv6', port: 40_001 } },
  ],
  supervisorPid: 1,
  gatewayPid: 2,
  generation: 1,
  workers: 2,
}

it('writes addresses as URLs', () => {
  expect(servedAddresses(info, settings)).toEqual({
    gateway: ['http://*:8080', 'https://127.0.0.1:8443', 'http://[::1]:81', 'unix:/run/a.sock'],
    metrics: 'http://127.0.0.1:9091/metrics',
  })
})

it('says the ports that the system chose', () => {
  const anyPort = { host: '127.0.0.1', port: 0, path: undefined }
  const more = { ...settings, metrics: { address: anyPort }, admin: { address: anyPort, tls: undefined } }
  const served = servedAddresses(info, more)
  expect([served.metrics, served.admin]).toEqual(['http://127.0.0.1:9091/metrics', 'http://[::1]:40001'])
  expect(servedAddresses(info, { ...settings, metrics: undefined }).metrics).toBeUndefined()
})

it('reads settings that came through JSON, where undefined is left out', () => {
  const sent = JSON.parse(JSON.stringify(settings)) as SupervisorSettings['settings']
  expect(servedAddresses(info, sent)).toEqual(servedAddresses(info, settings))
})

it('makes one line of it', () => {
  const read = { file: 'sekisho.yaml', settings }
  expect(readyLine({ ...info, listeners: info.listeners.slice(0, 1) }, read, undefined)).toBe(
    'serving sekisho.yaml on http://*:8080, metrics on http://127.0.0.1:9091/metrics, 2 workers (process 2)',
  )
  expect(readyLine({ ...info, workers: 1, generation: 3 }, read, undefined)).toMatch(
    /, 1 worker \(process 2, generation 3\)$/,
  )
})

it('writes what is not HTTP by its protocol, and UDP as it was configured', () => {
  const listen = [
    { ...plain, host: '127.0.0.1', port: 53, protocol: 'udp' as const },
    { ...plain, protocol: 'tcp' as const },
    { ...tls, protocol: 'tcp' as const },
    { ...plain, port: 5353, protocol: 'udp' as const },
  ]
  const listeners = info.listeners.slice(0, 2)
  expect(servedAddresses({ ...info, listeners }, { ...settings, listen }).gateway).toEqual([
    'tcp://*:8080',
    'tls://127.0.0.1:8443',
    'udp://127.0.0.1:53',
    'udp://*:5353',
  ])
})
