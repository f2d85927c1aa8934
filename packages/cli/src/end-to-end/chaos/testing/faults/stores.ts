import { setTimeout as pause } from 'node:timers/promises'
import { between, oneOf, slownessFrom } from './choices.ts'
import type { Deed } from './fault.ts'

/** What happens to etcd and Redis. */
export const stores: readonly Deed[] = [
  {
    name: 'etcd is killed',
    possible: ({ etcd }) => etcd !== undefined,
    async strike({ etcd }, next) {
      await etcd?.kill()
      await pause(between(next, 200, 3_000))
      await etcd?.start()
    },
  },
  {
    name: 'etcd freezes',
    possible: ({ etcd }) => etcd !== undefined,
    async strike({ etcd }, next) {
      etcd?.freeze()
      await pause(between(next, 200, 3_000))
      etcd?.thaw()
    },
  },
  {
    name: 'the way to etcd is cut',
    possible: ({ etcdLink }) => etcdLink !== undefined,
    async strike({ etcdLink }, next) {
      etcdLink?.silence(oneOf(next, ['stalled', 'half-open'] as const))
      await pause(between(next, 300, 4_000))
      etcdLink?.heal()
    },
  },
  {
    name: 'the cable to etcd and Redis is out',
    possible: ({ network }) => network.real,
    async strike({ storeCable }, next) {
      storeCable.plug?.(false)
      await pause(between(next, 300, 4_000))
      storeCable.plug?.(true)
    },
  },
  {
    name: 'Redis is killed',
    possible: ({ redis }) => redis !== undefined,
    async strike({ redis, redisLink }, next) {
      redisLink?.refuse()
      await redis?.kill()
      await pause(between(next, 200, 3_000))
      await redis?.start()
      await redisLink?.accept()
    },
  },
  {
    name: 'Redis freezes',
    possible: ({ redis }) => redis !== undefined,
    async strike({ redis }, next) {
      redis?.freeze()
      await pause(between(next, 200, 3_000))
      redis?.thaw()
    },
  },
  {
    name: 'the way to Redis is cut or slow',
    possible: ({ redisLink }) => redisLink !== undefined,
    async strike({ redisLink }, next) {
      if (next() < 0.4) redisLink?.slow(slownessFrom(next))
      else redisLink?.silence(oneOf(next, ['stalled', 'half-open'] as const))
      await pause(between(next, 300, 4_000))
      redisLink?.heal()
    },
  },
]
