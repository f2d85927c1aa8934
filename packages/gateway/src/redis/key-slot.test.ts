import calculateSlot from 'cluster-key-slot'
import { expect, it } from 'vitest'
import { keySlot } from './key-slot.ts'

it('gives the slots that Redis gives', () => {
  // CLUSTER KEYSLOT of a Redis 7.
  expect([keySlot('foo'), keySlot('123456789'), keySlot('')]).toEqual([12_182, 12_739, 0])
})

it.each(['a', '{a}b', 'x{a}b', '{}a', '{', 'a{b', 'a}b{c}', '{{a}}', 'ü€', 'sekisho:limit-count:x:192.0.2.1', '{a}{b}'])(
  'gives %s the slot that ioredis sends it to',
  (key) => {
    expect(keySlot(key)).toBe(calculateSlot(key))
  },
)
