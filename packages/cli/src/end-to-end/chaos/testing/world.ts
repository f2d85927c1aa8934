import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EtcdServer, etcdProgram } from '../../../../../gateway/src/store/etcd/testing/etcd-server.ts'
import { Installation } from '../../upgrade/testing/installation.ts'
import type { Access, Lane } from './lanes/lane.ts'
import { FaultLink } from './fault-link.ts'
import { SmallDisk } from './full-disk.ts'
import { GatewayUnderTest } from './gateway-under-test.ts'
import { GrpcLane } from './lanes/grpc-lane.ts'
import { H2Connection, H2Lane } from './lanes/h2-lane.ts'
import { HttpLane } from './lanes/http-lane.ts'
import { ImpatientLane } from './lanes/impatient-lane.ts'
import { Ledger } from './ledger.ts'
import { type Cable, Network } from './network.ts'
import { ChaosNode } from './node.ts'
import { randomFrom } from './orders.mjs'
import { WebSocketLane } from './lanes/web-socket-lane.ts'
import { hasRedis, RedisProcess } from './redis-process.ts'

const NODES = ['first', 'second', 'third']
/** How long the gateway may need to serve everything again, when what was done to it is over. */
const RECOVERY_MS = 15_000
/** A machine that has too much to do: until a new process serves. */
const START_MS = 60_000
const LOOK_MS = 50
/** The log is cut when it has so many bytes: what is left of the small disk belongs to the run. */
const MAX_LOG_BYTES = 6_000_000

export interface WorldOptions {
  readonly seed: number
  readonly store: 'file' | 'etcd'
  /** A file system and a network of its own are made, where they may be. */
  readonly isolated: boolean
}

/** All that takes part in a run. */
export class World {
  readonly ledger = new Ledger()
  readonly startedAt = performance.now()
  readonly folder = mkdtempSync(join(tmpdir(), 'sekisho-chaos-'))
  readonly clock = join(this.folder, 'clock')
  /** The build that runs, and that upgrades are made to. */
  readonly installation = new Installation()
  readonly disk: SmallDisk
  readonly network: Network
  readonly clientCable: Cable
  readonly storeCable: Cable
  nodes: ChaosNode[] = []
  etcd: EtcdServer | undefined
  etcdLink: FaultLink | undefined
  redis: RedisProcess | undefined
  redisLink: FaultLink | undefined
  gateway!: GatewayUnderTest
  clientLink!: FaultLink
  private readonly lanes: Lane[] = []
  private readonly connections: H2Connection[] = []

  private constructor(isolated: boolean) {
    this.disk = new SmallDisk(join(this.folder, 'disk'), isolated)
    this.network = new Network(isolated)
    this.clientCable = this.network.cable('inside')
    this.storeCable = this.network.cable('outside')
  }

  static async start({ seed, store, isolated }: WorldOptions): Promise<World> {
    const world = new World(isolated)
    try {
      await world.open(store)
      world.load(seed)
      return world
    } catch (error) {
      await world.close()
      throw error
    }
  }

  private async open(store: WorldOptions['store']): Promise<void> {
    const { ledger } = this
    const listen = this.storeCable.outside
    writeFileSync(this.clock, '0')
    this.nodes = await Promise.all(
      NODES.map((name) =>
        ChaosNode.start(
          name,
          this.network.cable('outside'),
          (number, connection) => ledger.sighted(number, connection),
          (what) => ledger.wrong.push(what),
        ),
      ),
    )
    ledger.links = this.nodes.flatMap(({ links }) => links)
    if (store === 'etcd' && etcdProgram !== undefined) {
      this.etcd = await EtcdServer.start()
      this.etcdLink = await FaultLink.to({ port: this.etcd.port, listen }, 'etcd')
    }
    if (hasRedis) {
      this.redis = await RedisProcess.start()
      this.redisLink = await FaultLink.to({ port: this.redis.port, listen }, 'Redis')
    }
    this.gateway = await GatewayUnderTest.start({
      folder: this.folder,
      disk: this.disk.folder,
      command: this.installation.command,
      nodes: this.nodes,
      etcd: this.etcdLink && `http://${this.etcdLink.address}`,
      redis: this.redisLink?.address,
      network: this.network,
      cable: this.clientCable,
      clock: this.clock,
    })
    this.clientLink = await FaultLink.to({ host: this.gateway.host, port: this.gateway.port }, 'clients')
  }

  /** Half of the clients have a link that may fail in front of them. */
  private load(seed: number): void {
    const { ledger, lanes } = this
    const direct: Access = { host: this.gateway.host, port: this.gateway.port, link: undefined }
    const far: Access = { host: '127.0.0.1', port: this.clientLink.listeningPort, link: this.clientLink }
    let salt = seed * 1_000
    const next = (): (() => number) => randomFrom(++salt)
    for (const access of [direct, far]) {
      for (let at = 0; at < 6; at++)
        lanes.push(new HttpLane(access, ledger, next(), ['get', 'get', 'cached', 'limited'], at > 1))
      for (let at = 0; at < 3; at++) lanes.push(new HttpLane(access, ledger, next(), ['post', 'put'], at > 0))
      const connection = new H2Connection()
      this.connections.push(connection)
      for (let at = 0; at < 6; at++) lanes.push(new H2Lane(connection, access, ledger, next()))
      for (let at = 0; at < 2; at++) lanes.push(new WebSocketLane(access, ledger, next()))
      lanes.push(new ImpatientLane(access, ledger, next()))
    }
    // Which of its connections a call is on, grpc-js does not say: these go straight to the gateway.
    for (let at = 0; at < 4; at++) lanes.push(new GrpcLane(direct, ledger, next(), false))
    for (let at = 0; at < 3; at++) lanes.push(new GrpcLane(direct, ledger, next(), true))
  }

  /** Milliseconds since the start. */
  get elapsedMs(): number {
    return Math.round(performance.now() - this.startedAt)
  }

  /** Rejects when it does not get so within the time for recovery. */
  async until(what: string, holds: () => Promise<boolean>, patienceMs = RECOVERY_MS): Promise<void> {
    const deadline = performance.now() + patienceMs
    for (;;) {
      if (await holds().catch(() => false)) return
      if (performance.now() > deadline) throw new Error(`not within ${patienceMs} ms: ${what}`)
      await pause(LOOK_MS)
    }
  }

  /** Another process serves than this one. */
  replaced(pid: number): Promise<void> {
    return this.until('another process serves', async () => (await this.gateway.processId()) !== pid, START_MS)
  }

  /** Each kind of request is answered again, and each node in use. */
  async recovered(): Promise<void> {
    const before = new Map(this.ledger.served)
    const kinds = ['h1 get', 'h1 post', 'h1 cached', 'h1 limited', 'h2 get', 'h2 post', 'grpc call']
    const waiting = (): string[] =>
      kinds.filter((kind) => (this.ledger.served.get(kind) ?? 0) <= (before.get(kind) ?? 0))
    await this.until('every kind of request is answered', async () => waiting().length === 0).catch((error: Error) => {
      throw new Error(`${error.message}; missing: ${waiting().join(', ')}`)
    })
    await this.until('the gateway is ready', () => this.gateway.ready())
    await this.until('each node is in use', async () => {
      const values = [...(await this.gateway.metrics()).matchAll(/^sekisho_upstream_node_healthy\{.*\} (\d)$/gm)]
      return values.length >= this.nodes.length && values.every(([, value]) => value === '1')
    })
    if (this.disk.sizeOf('access.log') > MAX_LOG_BYTES) truncateSync(join(this.disk.folder, 'access.log'))
  }

  async stopLoad(): Promise<void> {
    await Promise.all(this.lanes.splice(0).map((lane) => lane.stop()))
    for (const connection of this.connections.splice(0)) connection.close()
  }

  async close(): Promise<void> {
    await this.stopLoad()
    await this.gateway?.sekisho.stop()
    await Promise.all([this.clientLink?.close(), this.etcdLink?.close(), this.redisLink?.close()])
    await Promise.all(this.nodes.map((node) => node.stop()))
    await this.etcd?.dispose()
    await this.redis?.kill()
    this.disk.remove()
    this.installation.remove()
    this.network.remove()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
