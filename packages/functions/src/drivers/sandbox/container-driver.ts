import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ControlGroups, removeLeftGroups } from '../cgroup/control-groups.ts'
import type { Driver, DriverCheck, DriverName, Sandbox, SandboxEvents, SandboxExit, SandboxSpec } from '../driver.ts'
import { thisMachine } from '../launcher/machine.ts'
import { systemCallFilter } from '../seccomp/filter.ts'
import { Container, type ContainerHost } from './container.ts'
import type { ContainerTool } from './container-tool.ts'
import { egressNetwork, EGRESS_RESOLVER } from './egress-network.ts'
import { isAlive, readEngineRecord, removeEngineRecord, writeEngineRecord, type EngineRecord } from './engine-record.ts'
import { LAUNCHER_PATH, makeRootFolder } from './root-folder.ts'
import { Standbys } from './standbys.ts'
import { UserRange } from './user-range.ts'

export interface ContainerDriverOptions {
  /** Of the engine; the driver uses a folder of its name in it. */
  readonly dataDirectory: string
  /** Users of the host for sandboxes when the engine is root, one each. */
  readonly firstUser?: number
  readonly users?: number
  /** Functions with the network `egress` reach private networks too; default false. */
  readonly privateNetworks?: boolean
}

/** Above what distributions give to people and services, below what subuid(5) usually hands out to them (524288). */
const FIRST_USER = 200_000
const USERS = 20_000
const MAX_PROCESSES = 1024

/** Sandboxes by a tool for containers, the launcher, seccomp and control groups: docs/function-sandbox.md. */
export class ContainerDriver implements Driver {
  readonly name: DriverName
  private readonly tool: ContainerTool
  private readonly folder: string
  private readonly recordFile: string
  private readonly users: UserRange
  private readonly privateNetworks: boolean
  private readonly sandboxes = new Set<Container>()
  private groups: ControlGroups | undefined
  private standbys: Standbys | undefined
  private host: ContainerHost | undefined
  private whenEmpty: (() => void) | undefined

  constructor(name: DriverName, options: ContainerDriverOptions, tool: ContainerTool) {
    this.name = name
    this.tool = tool
    this.folder = join(options.dataDirectory, name)
    this.recordFile = join(this.folder, 'engine.json')
    this.users = new UserRange(options.firstUser ?? FIRST_USER, options.users ?? USERS)
    this.privateNetworks = options.privateNetworks ?? false
  }

  check(): Promise<readonly DriverCheck[]> {
    return this.tool.check()
  }

  async open(): Promise<void> {
    const missing = (await this.check()).filter((check) => check.required && !check.fulfilled)
    if (missing.length > 0) {
      const reasons = missing.map((check) => `${check.what}: ${check.detail}`)
      throw new Error(`the driver ${this.name} cannot run on this host; ${reasons.join('; ')}`)
    }
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    const rootFolder = join(this.folder, 'root')
    const left = await this.recordOfDead()
    await this.tool.open(this.folder, rootFolder)
    if (left !== undefined) await removeLeftGroups(left.cgroups)
    const machine = thisMachine()!
    await makeRootFolder(rootFolder, machine, [EGRESS_RESOLVER])
    const groups = ControlGroups.open(`sekisho-fn-${randomBytes(6).toString('hex')}`)
    this.groups = groups
    await writeEngineRecord(this.recordFile, groups.layoutOfEngine)
    const launcher = { file: join(rootFolder, LAUNCHER_PATH), machine }
    const standbys = new Standbys({ launcher, joins: this.tool.inGroup, makeGroup: () => groups.make() })
    this.standbys = standbys
    const asRoot = process.getuid?.() === 0
    this.host = {
      machine,
      tool: this.tool,
      filter: systemCallFilter(machine),
      maxProcesses: asRoot ? MAX_PROCESSES : undefined,
      takeStandby: () => standbys.take(),
      takeUser: () => (asRoot ? this.users.take() : undefined),
      returnUser: (uid) => this.users.giveBack(uid),
      egress: egressNetwork(this.privateNetworks),
      ended: (sandbox) => {
        this.sandboxes.delete(sandbox)
        if (this.sandboxes.size === 0) this.whenEmpty?.()
      },
    }
    try {
      await this.tryOnce()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  start(spec: SandboxSpec, events: SandboxEvents): Sandbox {
    if (this.host === undefined) throw new Error(`the driver ${this.name} is not open`)
    const sandbox = new Container(spec, events, this.host)
    this.sandboxes.add(sandbox)
    return sandbox
  }

  async close(): Promise<void> {
    if (this.sandboxes.size > 0) {
      const empty = new Promise<void>((resolve) => {
        this.whenEmpty = resolve
      })
      for (const sandbox of this.sandboxes) sandbox.kill()
      await empty
    }
    await this.standbys?.close()
    this.standbys = undefined
    await this.groups?.close()
    this.groups = undefined
    this.host = undefined
    await removeEngineRecord(this.recordFile)
    await rm(join(this.folder, 'root'), { recursive: true, force: true })
  }

  /** What bubblewrap and the kernel really allow shows only when it is done. */
  private async tryOnce(): Promise<void> {
    const exit = await new Promise<SandboxExit>((resolve) => {
      this.start(TRIAL, { onConnection: () => undefined, onOutput: () => undefined, onExit: resolve })
    })
    if (exit.status !== 0) {
      const why = exit.failure ?? `a program ended with ${exit.status ?? exit.signal}`
      throw new Error(`the driver ${this.name} cannot run on this host: ${why}`)
    }
  }

  /** @throws Error when the engine that wrote it runs */
  private async recordOfDead(): Promise<EngineRecord | undefined> {
    const record = await readEngineRecord(this.recordFile)
    if (record !== undefined && isAlive(record)) {
      throw new Error(
        `the engine with process ${record.pid} uses the data folder ${this.folder}; one engine, one folder`,
      )
    }
    return record
  }
}

const TRIAL: SandboxSpec = {
  id: 'trial',
  taskDirectory: '/usr/bin',
  layersDirectory: undefined,
  runtimeDirectory: undefined,
  interpreter: undefined,
  rootDirectory: undefined,
  memoryMb: 64,
  ephemeralStorageMb: 1,
  cpus: undefined,
  network: 'none',
  launch: () => ({ command: ['/usr/bin/true'], environment: {}, workingDirectory: '/var/task', companions: [] }),
}
