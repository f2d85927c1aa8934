import { setTimeout as pause } from 'node:timers/promises'
import type { Blow } from '../ledger.ts'
import { between, oneOf, slownessFrom } from './choices.ts'
import type { Deed } from './fault.ts'

/** What happens to the clients that have a link in front of them. */
export const clients: readonly Deed[] = [
  {
    name: 'connections of clients are reset',
    async strike({ clientLink }, next) {
      for (let times = Math.floor(between(next, 1, 5)); times > 0; times--) {
        clientLink.reset(between(next, 0.2, 1), next)
        await pause(between(next, 20, 400))
      }
    },
  },
  {
    name: 'the cable to all clients is out',
    possible: ({ network }) => network.real,
    async strike({ clientCable, ledger }, next) {
      const blow: Blow = { how: 'clients unplugged', victim: '', at: performance.now(), until: Infinity }
      ledger.blows.push(blow)
      clientCable.plug?.(false)
      await pause(between(next, 300, 3_000))
      clientCable.plug?.(true)
      blow.until = performance.now()
    },
  },
  {
    name: 'clients are slow',
    async strike({ clientLink }, next) {
      clientLink.slow(slownessFrom(next))
      await pause(between(next, 500, 3_000))
      clientLink.heal()
    },
  },
  {
    name: 'clients are cut off',
    async strike({ clientLink }, next) {
      const how = oneOf(next, ['stalled', 'half-open'] as const)
      clientLink.silence(how)
      await pause(between(next, 300, 3_000))
      clientLink.heal()
    },
  },
]
