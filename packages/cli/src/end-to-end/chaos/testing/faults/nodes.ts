import { setTimeout as pause } from 'node:timers/promises'
import { between, oneOf, slownessFrom } from './choices.ts'
import type { Deed } from './fault.ts'

/** What happens to upstream nodes, and on the way to them: to one at a time. */
export const nodes: readonly Deed[] = [
  {
    name: 'a node is killed',
    async strike({ nodes: all }, next) {
      const node = oneOf(next, all)
      await node.die()
      await pause(between(next, 200, 3_000))
      await node.revive()
    },
  },
  {
    name: 'a node freezes',
    async strike({ nodes: all }, next) {
      const node = oneOf(next, all)
      node.freeze()
      await pause(between(next, 200, 4_000))
      node.thaw()
    },
  },
  {
    name: 'connections to a node are reset',
    async strike({ nodes: all }, next) {
      const link = oneOf(next, oneOf(next, all).links)
      for (let times = Math.floor(between(next, 1, 5)); times > 0; times--) {
        link.reset(between(next, 0.2, 1), next)
        await pause(between(next, 20, 400))
      }
    },
  },
  {
    name: 'the way to a node is slow',
    async strike({ nodes: all }, next) {
      const link = oneOf(next, oneOf(next, all).links)
      link.slow(slownessFrom(next))
      await pause(between(next, 500, 3_000))
      link.heal()
    },
  },
  {
    name: 'the way to a node is cut for a while',
    async strike({ nodes: all }, next) {
      const node = oneOf(next, all)
      for (const link of node.links) link.silence('stalled')
      await pause(between(next, 300, 4_000))
      for (const link of node.links) link.heal()
    },
  },
  {
    name: 'the cable to a node is out',
    possible: ({ network }) => network.real,
    async strike({ nodes: all }, next) {
      const { cable, links } = oneOf(next, all)
      for (const link of links) link.begin('unplugged')
      cable.plug?.(false)
      await pause(between(next, 300, 4_000))
      cable.plug?.(true)
      for (const link of links) link.end()
    },
  },
  {
    name: 'the way to a node is cut, and its connections forgotten',
    async strike({ nodes: all }, next) {
      const node = oneOf(next, all)
      for (const link of node.links) link.silence('half-open')
      await pause(between(next, 300, 4_000))
      for (const link of node.links) link.heal()
    },
  },
]
