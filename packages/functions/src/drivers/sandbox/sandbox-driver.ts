import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ControlGroups, removeLeftGroups } from '../cgroup/control-groups.ts'
import type { Driver, DriverCheck, Sandbox, SandboxEvents, SandboxExit, SandboxSpec } from '../driver.ts'
import { thisMachine } from '../launcher/machine.ts'
import { findExecutable } from '../find-executable.ts'
import { systemCallFilter } from '../seccomp/filter.ts'
import { BubblewrapSandbox, type SandboxHost } from './bubblewrap-sandbox.ts'
import { egressNetwork, EGRESS_RESOLVER } from './egress-network.ts'
import { isAlive, readEngineRecord, removeEngineRecord, writeEngineRecord } from './engine-record.ts'
import { killLeftBubblewraps } from './left-processes.ts'
import { makeRootFolder } from './root-folder.ts'
import { checkSandbox } from './sandbox-checks.ts'
import { UserRange } from './user-range.ts'

export interface SandboxDriverOptions {
  /** Of the engine; the driver uses `sandbox` in it. */
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

/** Isolation by bubblewrap, seccomp and control groups: docs/function-sandbox.md. */
export class SandboxDriver implements Driver {
  readonly name = 'sandbox'
  private readonly folder: string
  private readonly recordFile: string
  private readonly users: UserRange
  private readonly privateNetworks: boolean
  private readonly sandboxes = new Set<BubblewrapSandbox>()
  private groups: ControlGroups | undefined
  private host: SandboxHost | undefined
  private whenEmpty: (() => void) | undefined

  constructor(options: SandboxDriverOptions) {
    this.folder = join(options.dataDirectory, 'sandbox')
    this.recordFile = join(this.folder, 'engine.json')
    this.users = new UserRange(options.firstUser ?? FIRST_USER, options.users ?? USERS)
    this.privateNetworks = options.privateNetworks ?? false
  }

  check(): Promise<readonly DriverCheck[]> {
    return checkSandbox()
  }

  async open(): Promise<void> {
    const missing = (await this.check()).filter((check) => check.required && !check.fulfilled)
    if (missing.length > 0) {
      const reasons = missing.map((check) => `${check.what}: ${check.detail}`)
      throw new Error(`the driver sandbox cannot run on this host; ${reasons.join('; ')}`)
    }
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    await this.cleanUp()
    const machine = thisMachine()!
    const rootFolder = join(this.folder, 'root')
    await makeRootFolder(rootFolder, machine, [EGRESS_RESOLVER])
    const groups = ControlGroups.open(`sekisho-fn-${randomBytes(6).toString('hex')}`)
    this.groups = groups
    await writeEngineRecord(this.recordFile, groups.layoutOfEngine)
    const asRoot = process.getuid?.() === 0
    this.host = {
      machine,
      bubblewrap: findExecutable('bwrap')!,
      rootFolder,
      filter: systemCallFilter(machine),
      maxProcesses: asRoot ? MAX_PROCESSES : undefined,
      takeGroup: () => groups.take(),
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
    if (this.host === undefined) throw new Error('the driver sandbox is not open')
    const sandbox = new BubblewrapSandbox(spec, events, this.host)
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
      throw new Error(`the driver sandbox cannot run on this host: ${why}`)
    }
  }

  private async cleanUp(): Promise<void> {
    const record = await readEngineRecord(this.recordFile)
    if (record === undefined) return
    if (isAlive(record)) {
      throw new Error(`the engine with process ${record.pid} uses the data folder ${this.folder}; one engine, one folder`)
    }
    killLeftBubblewraps(join(this.folder, 'root'))
    await removeLeftGroups(record.cgroups)
    await removeEngineRecord(this.recordFile)
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
