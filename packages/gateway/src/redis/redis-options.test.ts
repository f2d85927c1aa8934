import { describe, expect, it } from 'vitest'
import { secretRule } from '../config/secret-fields.ts'
import { checkRedis, redisServer } from './redis-options.ts'
import { parseAddress, serverName } from './redis-server.ts'

const cluster = { redis_cluster_name: 'c', redis_cluster_nodes: ['10.0.0.1:7000', '[::1]:7001'] }
const sentinel = { redis_master_name: 'm', redis_sentinels: [{ host: '10.0.0.1', port: 26_379 }] }

describe('checkRedis', () => {
  it.each([
    ['local', { redis_host: 'r' }, '/redis_host', 'write policy: redis, or leave it out'],
    ['redis', {}, '/policy', '"redis" needs "redis_host"'],
    ['redis', { redis_host: 'redis', ...cluster }, '/redis_cluster_nodes', 'but with redis-cluster; leave it out'],
    ['redis-cluster', { redis_cluster_name: 'c' }, '/policy', 'needs "redis_cluster_nodes"'],
    ['redis-cluster', { ...cluster, redis_cluster_nodes: ['10.0.0.1'] }, '/redis_cluster_nodes/0', 'is not an address'],
    ['redis-cluster', { ...cluster, redis_database: 1 }, '/redis_database', 'but with redis or redis-sentinel'],
    ['redis-sentinel', { redis_master_name: 'm' }, '/policy', 'needs "redis_sentinels"'],
    ['redis-sentinel', { ...sentinel, redis_role: 'slave' }, '/redis_role', 'cannot be "slave"'],
  ] as const)('finds what is wrong with %s %j', (policy, config, path, message) => {
    const problem = checkRedis(policy, config)
    expect(problem?.path).toBe(path)
    expect(problem?.message).toContain(message)
  })

  it('takes the others', () => {
    expect(checkRedis('local', {})).toBeUndefined()
    expect(checkRedis('redis', { redis_host: 'redis', redis_ssl: true, redis_password: 'p' })).toBeUndefined()
    expect(checkRedis('redis-cluster', cluster)).toBeUndefined()
    expect(checkRedis('redis-sentinel', { ...sentinel, redis_role: 'master', sentinel_password: 'p' })).toBeUndefined()
  })
})

it('makes a server of what is configured', () => {
  expect(redisServer('redis', { redis_host: 'redis', redis_ssl: true, redis_database: 2 })).toMatchObject({
    kind: 'single',
    host: 'redis',
    port: 6_379,
    database: 2,
    tls: { verify: false },
    timeoutMs: 1_000,
  })
  expect(redisServer('redis-cluster', { ...cluster, redis_timeout: 50 })).toMatchObject({
    nodes: [
      { host: '10.0.0.1', port: 7_000 },
      { host: '::1', port: 7_001 },
    ],
    timeoutMs: 50,
  })
  expect(redisServer('redis-sentinel', { ...sentinel, redis_read_timeout: 70 })).toMatchObject({
    name: 'm',
    timeoutMs: 70,
  })
})

it('names servers without their secrets', () => {
  const server = redisServer('redis', { redis_host: '::1', redis_username: 'u', redis_password: 'hidden' })
  expect(serverName(server)).toBe('[::1]:6379/0')
  expect(parseAddress('redis:0')).toBeUndefined()
})

it('has passwords that are encrypted in a store and masked', () => {
  const isSecret = secretRule('routes', { get: () => undefined, names: () => [] })
  for (const name of ['redis_password', 'sentinel_password'])
    expect(isSecret(['plugins', 'limit-count', name])).toBe(true)
  expect(isSecret(['plugins', 'limit-count', 'redis_host'])).toBe(false)
})
