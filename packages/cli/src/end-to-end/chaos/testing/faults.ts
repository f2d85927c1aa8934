import { setTimeout as pause } from 'node:timers/promises'
import { writeFileSync } from 'node:fs'
import type { Slowness } from './fault-link.ts'
import type { Blow } from './ledger.ts'
import type { World } from './world.ts'

/** What is done at the same time has different areas. */
export type Area = 'nodes' | 'clients' | 'gateway' | 'stores' | 'machine'

export interface Fault {
  readonly area: Area
  readonly name: string
  /** What it needs is not there: it is left out. */
  possible?(world: World): boolean
  /** Does it, waits, and undoes it. */
  strike(world: World, next: () => number): Promise<void>
}

const between = (next: () => number, from: number, to: number): number => from + next() * (to - from)
const oneOf = <T>(next: () => number, all: readonly T[]): T => all[Math.floor(next() * all.length)] as T

function slownessFrom(next: () => number): Partial<Slowness> {
  const kind = next()
  if (kind < 0.35) return { delayMs: Math.floor(between(next, 20, 300)) }
  if (kind < 0.6) return { bytesPerSecond: Math.floor(between(next, 100_000, 1_000_000)) }
  if (kind < 0.8) return { pieceBytes: Math.floor(between(next, 100, 3_000)) }
  return { delayMs: Math.floor(between(next, 5, 60)), pieceBytes: Math.floor(between(next, 800, 8_000)) }
}

async function blow(world: World, how: Blow['how'], victim: string, during: () => Promise<void>): Promise<void> {
  const one: Blow = { how, victim, at: performance.now(), until: Infinity }
  world.ledger.blows.push(one)
  await during()
  one.until = performance.now()
}

const nodes: readonly Omit<Fault, 'area'>[] = [
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

const clients: readonly Omit<Fault, 'area'>[] = [
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
    async strike({ clientCable }, next) {
      clientCable.plug?.(false)
      await pause(between(next, 300, 3_000))
      clientCable.plug?.(true)
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

const BROKEN_BUILDS = [`throw new Error('a bad build')`, 'export {', 'process.exit(0)']

const gateway: readonly Omit<Fault, 'area'>[] = [
  ...(['exit', 'throw'] as const).map((deed) => ({
    name: deed === 'exit' ? 'a worker ends' : 'a worker crashes',
    async strike(world: World) {
      const victim = await world.gateway.tellWorker(deed)
      await blow(world, 'worker killed', victim, () => pause(20))
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
      await blow(world, 'upgrade', `${pid}/`, () =>
        world.until('another process serves', async () => (await world.gateway.processId()) !== pid),
      )
    },
  })),
  {
    name: 'an upgrade to a build that does not work',
    async strike({ installation, gateway: { sekisho }, until }, next) {
      const failures = (): number =>
        sekisho.stderr.match(/before it was ready: gateway process \d+ goes on/g)?.length ?? 0
      const before = failures()
      installation.breakGateway(oneOf(next, BROKEN_BUILDS))
      sekisho.child.kill('SIGUSR2')
      try {
        await until('the upgrade is given up', async () => failures() > before)
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
        await world.until('another process serves', async () => (await world.gateway.processId()) !== pid)
      })
    },
  },
]

const stores: readonly Omit<Fault, 'area'>[] = [
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

/** An hour, and a day. */
const SKEWS_MS = [3_600_000, -3_600_000, 86_400_000, -86_400_000, 1_500, -1_500]

const machine: readonly Omit<Fault, 'area'>[] = [
  {
    name: 'the disk is full',
    possible: ({ disk }) => disk.mounted,
    async strike({ disk }, next) {
      disk.fill()
      await pause(between(next, 200, 3_000))
      disk.free()
    },
  },
  {
    name: 'the clock is wrong',
    async strike({ clock }, next) {
      writeFileSync(clock, String(oneOf(next, SKEWS_MS)))
      await pause(between(next, 300, 3_000))
      writeFileSync(clock, '0')
    },
  },
]

const areas: Readonly<Record<Area, readonly Omit<Fault, 'area'>[]>> = { nodes, clients, gateway, stores, machine }

/** Everything that a run may do. */
export const FAULTS: readonly Fault[] = Object.entries(areas).flatMap(([area, faults]) =>
  faults.map((fault) => ({ ...fault, area: area as Area })),
)
