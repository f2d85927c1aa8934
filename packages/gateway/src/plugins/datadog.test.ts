import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import datadog from './datadog.ts'
import { startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import { startUdpSink, type UdpSink } from './logging/testing/socket-sinks.ts'
import { problemsOf } from './testing/mounted.ts'

/** The grammar of DogStatsD: `NAME:VALUE|TYPE|#TAG,TAG`. */
const METRIC = /^([A-Za-z][A-Za-z0-9_.]*):(-?\d+(?:\.\d+)?)\|(c|g|h|ms|d|s)(?:\|#([^|,\s]+(?:,[^|,\s]+)*))?$/u

interface Metric {
  readonly name: string
  readonly value: number
  readonly type: string
  readonly tags: readonly string[]
}

function metricOf(line: string): Metric {
  const match = METRIC.exec(line)
  if (match === null) throw new Error(`no metric: ${line}`)
  return { name: match[1], value: Number(match[2]), type: match[3], tags: match[4]?.split(',') ?? [] }
}

let dd: LoggerGateway
let agent: UdpSink
beforeAll(async () => {
  dd = await startLoggerGateway('datadog')
})
afterAll(() => dd.close())
beforeEach(async () => {
  agent = await startUdpSink()
})
afterEach(() => agent.close())

const metadata = (more: object = {}): object => ({
  plugin_metadata: [{ id: 'datadog', host: '127.0.0.1', port: agent.port, ...more }],
})
const lines = (): Metric[] => agent.datagrams.flatMap((datagram) => datagram.toString().split('\n').map(metricOf))

test('sends the metrics of a request with its tags', async () => {
  await dd.use({ batch_max_size: 1 }, metadata())
  await dd.gateway.fetch('/a')
  await expect.poll(() => lines().length).toBe(6)
  expect(lines().map(({ name, type }) => [name, type])).toEqual([
    ['apisix.request.counter', 'c'],
    ['apisix.request.latency', 'h'],
    ['apisix.upstream.latency', 'h'],
    ['apisix.apisix.latency', 'h'],
    ['apisix.ingress.size', 'ms'],
    ['apisix.egress.size', 'ms'],
  ])
  const tags = [
    'source:apisix',
    'route_name:r1',
    'balancer_ip:127.0.0.1',
    'response_status:200',
    'response_status_class:2xx',
    'scheme:http',
  ]
  for (const metric of lines()) expect(metric.tags).toEqual(tags)
  const value = (name: string): number => lines().find((one) => one.name === name)!.value
  expect(value('apisix.request.counter')).toBe(1)
  expect(value('apisix.request.latency')).toBeGreaterThanOrEqual(value('apisix.upstream.latency'))
  expect(value('apisix.egress.size')).toBeGreaterThan(100)
})

test('names, consumers, constant tags, path and method are tags; what would break the format is not in them', async () => {
  const plugins = {
    datadog: { batch_max_size: 1, constant_tags: ['env:prod'], include_path: true, include_method: true },
    'key-auth': {},
  }
  await dd.use(
    {},
    {
      ...metadata({ namespace: '', constant_tags: [] }),
      consumers: [{ username: 'jack', plugins: { 'key-auth': { key: 'k' } } }],
      services: [{ id: 's', name: 'my service', upstream_id: 'echo' }],
      routes: [{ id: 'r', name: 'a|b,c#d', uri: '/orders/*', service_id: 's', plugins }],
    },
  )
  await dd.gateway.fetch('/orders/7', { headers: { apikey: 'k' } })
  await expect.poll(() => lines().length).toBe(6)
  expect(lines()[0]).toEqual({
    name: 'request.counter',
    value: 1,
    type: 'c',
    tags: [
      'env:prod',
      'route_name:a_b_c_d',
      'service_name:my_service',
      'consumer:jack',
      'balancer_ip:127.0.0.1',
      'response_status:200',
      'response_status_class:2xx',
      'scheme:http',
      'path:/orders/*',
      'method:GET',
    ],
  })
})

test('datagrams hold whole requests and pass networks', async () => {
  await dd.use({ batch_max_size: 20 }, metadata())
  for (let request = 0; request < 20; request++) await dd.gateway.fetch('/')
  await expect.poll(() => lines().length).toBe(120)
  expect(agent.datagrams.length).toBeLessThanOrEqual(20)
  for (const datagram of agent.datagrams) {
    expect(datagram.length).toBeLessThanOrEqual(1_432)
    expect(datagram.toString().split('\n').length % 6).toBe(0)
  }
})

test.each([
  [{ constant_tags: ['1a'] }, 'must be a tag'],
  [{ constant_tags: ['a:'] }, 'must be a tag'],
  [{ prefer_name: 1 }, 'prefer_name'],
])('%j is refused', (config, message) => {
  expect(problemsOf(datadog, config).join()).toContain(message)
})
