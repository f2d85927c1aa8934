import { expect, it } from 'vitest'
import { keySlot } from './key-slot.ts'
import { redisServer, startRedis } from './testing/start-redis.ts'

it('gives the slot of the specification', () => {
  // Appendix A: the CRC of 123456789 is 0x31C3.
  expect(keySlot('123456789')).toBe(0x31c3 % 16_384)
})

it.skipIf(redisServer === undefined)('gives the slots that Redis gives (needs redis-server)', async () => {
  const redis = await startRedis(['--cluster-enabled', 'yes'])
  const client = redis.client()
  const keys = [
    '',
    'a',
    '{a}b',
    'x{a}b',
    '{}a',
    '{',
    'a{b',
    'a}b{c}',
    '{{a}}',
    'ü€',
    '\0',
    'sekisho:limit-count:x:192.0.2.1',
  ]
  const slots = await Promise.all(keys.map((key) => client.cluster('KEYSLOT', key)))
  expect(keys.map((key) => keySlot(key))).toEqual(slots)
})
