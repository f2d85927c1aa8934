import type { ChildProcess } from 'node:child_process'
import { Server, Socket, type AddressInfo } from 'node:net'
import type { ControlGroup } from '../cgroup/control-group.ts'
import type { Sandbox, SandboxEvents, SandboxSpec } from '../driver.ts'
import { CHANNEL, launchScript } from '../launcher/launch-script.ts'
import type { Machine } from '../launcher/machine.ts'
import type { Script } from '../launcher/script.ts'
import type { Standby } from './standby.ts'
import type { ContainerCommand, ContainerTool } from './container-tool.ts'
import { NO_EGRESS, type EgressNetwork } from './egress-network.ts'
import { LauncherReports, type LauncherVerdict } from '../launcher/launcher-reports.ts'

/** As it was on AWS for years; the port that runtimes expect. */
const RUNTIME_API_PORT = 9001
const LOOPBACK = '127.0.0.1'

/** What all sandboxes of a driver share. */
export interface ContainerHost {
  readonly machine: Machine
  readonly tool: ContainerTool
  readonly filter: Buffer
  /** Processes of one user of the host; undefined: the user is the engine's own. */
  readonly maxProcesses: number | undefined
  readonly takeStandby: () => Standby
  /** A user of the host for this sandbox alone; undefined: the engine is not root. */
  readonly takeUser: () => number | undefined
  readonly returnUser: (uid: number) => void
  /** Connects a sandbox's network to the world; undefined: this host cannot. */
  readonly egress: EgressNetwork | undefined
  /** All of it is gone. */
  readonly ended: (sandbox: Container) => void
}

/** One sandbox: bubblewrap or another tool outside, the launcher and the function's programs inside. */
export class Container implements Sandbox {
  private readonly spec: SandboxSpec
  private readonly events: SandboxEvents
  private readonly host: ContainerHost
  private readonly reports = new LauncherReports()
  private readonly server = new Server()
  private group: ControlGroup | undefined
  private user: number | undefined
  private command: ContainerCommand | undefined
  private child: ChildProcess | undefined
  private script: Script | undefined
  private network: ChildProcess | undefined
  private verdict: LauncherVerdict | undefined
  /** What has not ended yet: the tool, the channel and both pipes. */
  private readonly open = new Set<string>()
  private joined = false
  private killed = false
  private over = false
  private peak = 0

  constructor(spec: SandboxSpec, events: SandboxEvents, host: ContainerHost) {
    this.spec = spec
    this.events = events
    this.host = host
    this.server.on('connection', (socket: Socket) => {
      if (this.over) socket.destroy()
      else this.events.onConnection(socket)
    })
    this.server.on('error', (error) => this.fail(`the Runtime API cannot listen: ${error.message}`))
    if (spec.network === 'host') {
      this.server.listen({ host: LOOPBACK, port: 0 }, () => this.begin((this.server.address() as AddressInfo).port))
    } else {
      this.begin(RUNTIME_API_PORT)
    }
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  limitCpus(): void {
    if (this.spec.cpus !== undefined && !this.over) this.group?.limitCpus(this.spec.cpus)
  }

  freeze(): void {
    this.group?.freeze()
  }

  thaw(): void {
    this.group?.thaw()
  }

  kill(): void {
    if (this.over) return
    this.killed = true
    // The tool must not be killed before: bubblewrap would leave a process that waits for it for ever, outside of every group.
    if (this.joined) this.group?.kill()
    else if (this.child === undefined) this.fail('ended before it began')
  }

  terminate(): void {
    this.thaw()
    // The tool is not the function's, and would take all of it along.
    this.group?.signal('SIGTERM', this.pid)
  }

  peakMemoryBytes(): number {
    if (this.group !== undefined && !this.over) this.peak = this.group.peakMemoryBytes()
    return this.peak
  }

  private begin(port: number): void {
    if (this.over || this.killed) return
    const { spec, host } = this
    if (spec.network === 'egress' && host.egress === undefined) return this.fail(NO_EGRESS)
    try {
      const standby = host.takeStandby()
      this.group = standby.group
      if (standby.child.pid === undefined) return this.fail('the host starts no more processes')
      this.group.limitMemory(spec.memoryMb * 1_048_576)
      this.user = host.takeUser()
      this.script = this.scriptFor(this.group, port)
      this.run(standby, this.script.build())
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error))
    }
  }

  private scriptFor(group: ControlGroup, port: number): Script {
    const { spec, host } = this
    const launch = spec.launch(host.tool.paths(spec), `${LOOPBACK}:${port}`)
    return launchScript({
      machine: host.machine,
      cgroups: host.tool.inGroup ? [] : group.joinDescriptors.map((_, index) => CHANNEL + 1 + index),
      listen: spec.network === 'host' ? undefined : { port },
      unreachable: spec.network === 'egress' ? (host.egress?.unreachable ?? []) : [],
      waitForGo: spec.network === 'egress',
      becomeUser: this.user,
      maxProcesses: host.maxProcesses,
      filter: host.filter,
      workingDirectory: launch.workingDirectory,
      main: launch,
      companions: launch.companions,
    })
  }

  private run(standby: Standby, script: Buffer): void {
    const { spec, host } = this
    const { child, group } = standby
    this.child = child
    const command = host.tool.command(spec, {
      asRoot: this.user !== undefined,
      descriptors: group.joinDescriptors.length + 1,
    })
    this.command = command
    this.open.add('tool').add('channel')
    child.on('message', (message, handle) => this.onHandle(message, handle))
    child.once('disconnect', () => this.onEnd('channel'))
    child.stderr?.on('data', (bytes: Buffer) => this.reports.add(bytes))
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) this.fail(`the launcher: ${error.code ?? error.message}`)
    })
    // `close` and not `exit`: reports have been read then.
    child.once('close', (status, signal) => {
      this.verdict = this.reports.verdict(this.script!, { status, signal })
      this.onEnd('tool')
    })
    standby.become(command, script)
  }

  /** The launcher hands over the listening socket and the ends of its pipes, in this order. */
  private onHandle(message: unknown, handle: unknown): void {
    this.joined = true
    if (this.killed) this.group?.kill()
    if (message === 'listener') {
      // A handle of Node.js itself, which `listen` and `Socket` take though their types do not say so.
      this.server.listen(handle as object)
      if (this.spec.network === 'egress') this.connect()
    } else if (message === 'stdout' || message === 'stderr') {
      const output = new Socket({ handle, readable: true, writable: false } as ConstructorParameters<typeof Socket>[0])
      this.open.add(message)
      output.on('data', (bytes: Buffer) => this.events.onOutput(message, bytes))
      output.on('error', () => undefined)
      output.once('close', () => this.onEnd(message))
    }
  }

  private connect(): void {
    const pid = this.group?.processes().find((process) => process !== this.pid)
    if (pid === undefined) return
    this.network = this.host.egress!.connect(pid, (failure) => {
      if (failure === undefined) this.child?.stdin?.write('1')
      else {
        this.reports.add(Buffer.from(failure))
        this.kill()
      }
    })
  }

  private onEnd(what: string): void {
    this.open.delete(what)
    if (this.open.size === 0) this.finish(this.verdict!)
  }

  private fail(failure: string): void {
    // As everywhere, whoever started it hears of it later.
    setImmediate(() => this.finish({ status: undefined, signal: undefined, failure }))
  }

  private finish(verdict: LauncherVerdict): void {
    if (this.over) return
    const { group } = this
    // It may have lost a process and ended well all the same.
    const outOfMemory = verdict.status !== 0 && (group?.outOfMemoryKills() ?? 0) > 0
    this.peakMemoryBytes()
    this.over = true
    this.network?.kill('SIGKILL')
    if (this.server.listening) this.server.close()
    // The kernel has ended all others with process 1.
    this.events.onExit({ ...verdict, outOfMemory })
    void (group?.remove() ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        this.command?.remove()
        if (this.user !== undefined) this.host.returnUser(this.user)
        this.host.ended(this)
      })
  }
}
