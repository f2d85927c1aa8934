import { setTimeout as pause } from 'node:timers/promises'
import type { Blow } from '../ledger.ts'
import type { World } from '../world.ts'
import { between, oneOf } from './choices.ts'
import type { Deed } from './fault.ts'

async function blow(
  world: World,
  how: Blow['how'],
  victim: string,
  during: () => Promise<void>,
  at = performance.now(),
): Promise<void> {
  const one: Blow = { how, victim, at, until: Infinity }
  world.ledger.blows.push(one)
  await during()
  one.until = performance.now()
}

const BROKEN_BUILDS = [`throw new Error('a bad build')`, 'export {', 'process.exit(0)']

/** What is done to the gateway itself. */
export const gateway: readonly Deed[] = [
  ...(['exit', 'throw'] as const).map((deed) => ({
    name: deed === 'exit' ? 'a worker ends' : 'a worker crashes',
    async strike(world: World) {
      const from = performance.now()
      const victim = await world.gateway.tellWorker(deed)
      await blow(world, 'worker killed', victim, () => pause(20), from)
    },
  })),
  {
    name: 'a worker freezes',
    async strike(world, next) {
      const ms = Math.floor(between(next, 100, 3_000))
      const victim = await world.gateway.tellWorker('freeze', ms)
      await blow(world, 'worker frozen', victim, () => pause(ms))
    },
  },
  {
    name: 'the gateway process is killed',
    async strike(world, next) {
      const pid = await world.gateway.processId()
      await blow(world, 'process killed', `${pid}/`, async () => {
        process.kill(pid, 'SIGKILL')
        await pause(between(next, 0, 500))
      })
    },
  },
  {
    name: 'the gateway process freezes',
    async strike(world, next) {
      const pid = await world.gateway.processId()
      await blow(world, 'process frozen', `${pid}/`, async () => {
        process.kill(pid, 'SIGSTOP')
        await pause(between(next, 100, 3_000))
        process.kill(pid, 'SIGCONT')
      })
    },
  },
  ...(['SIGUSR2', 'SIGTERM'] as const).map((signal) => ({
    name: signal === 'SIGUSR2' ? 'an upgrade' : 'the gateway process is told to end',
    async strike(world: World) {
      const pid = await world.gateway.processId()
      process.kill(signal === 'SIGUSR2' ? (world.gateway.sekisho.child.pid as number) : pid, signal)
      await blow(world, 'upgrade', `${pid}/`, () => world.replaced(pid))
    },
  })),
  {
    name: 'an upgrade to a build that does not work',
    async strike(world, next) {
      const { installation } = world
      const { sekisho } = world.gateway
      const failures = (): number =>
        sekisho.stderr.match(/before it was ready: gateway process \d+ goes on/g)?.length ?? 0
      const before = failures()
      installation.breakGateway(oneOf(next, BROKEN_BUILDS))
      sekisho.child.kill('SIGUSR2')
      try {
        await world.until('the upgrade is given up', async () => failures() > before)
      } finally {
        installation.mendGateway()
      }
    },
  },
  {
    name: 'changes of the configuration',
    async strike(world, next) {
      for (let times = Math.floor(between(next, 1, 6)); times > 0; times--) {
        await world.gateway.change().catch(() => false)
        await pause(between(next, 0, 300))
      }
    },
  },
  {
    name: 'a change in the middle of an upgrade',
    async strike(world, next) {
      const pid = await world.gateway.processId()
      world.gateway.sekisho.child.kill('SIGUSR2')
      await blow(world, 'upgrade', `${pid}/`, async () => {
        await pause(between(next, 0, 800))
        await world.gateway.change().catch(() => false)
        await world.replaced(pid)
      })
    },
  },
]
