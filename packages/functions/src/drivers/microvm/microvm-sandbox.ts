import type { ChildProcess } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Sandbox, SandboxEvents, SandboxExit, SandboxPaths, SandboxSpec } from '../driver.ts'
import { peakBytes } from '../process/process-memory.ts'
import { startProgram, type ProgramHost } from '../process/start-program.ts'
import { FirecrackerApi } from './firecracker-api.ts'
import type { FolderImages } from './folder-images.ts'
import { CONTROL_PORT, GuestChannel, RUNTIME_API_PORT, type GuestOrder } from './guest-channel.ts'
import { machineRequests } from './machine-requests.ts'

export interface MicrovmHost extends ProgramHost {
  readonly firecracker: string
  readonly kernel: string
  readonly rootFileSystem: string
  readonly images: FolderImages
  /** Each machine has a folder of its own in it, with its sockets. */
  readonly folder: string
  readonly ended: (sandbox: MicrovmSandbox) => void
}

/** One environment as a virtual machine of its own: Firecracker outside, a guest agent as its init inside. */
export class MicrovmSandbox implements Sandbox {
  private readonly spec: SandboxSpec
  private readonly events: SandboxEvents
  private readonly host: MicrovmHost
  private readonly folder: string
  private readonly api: FirecrackerApi
  private readonly servers: Server[] = []
  private child: ChildProcess | undefined
  private channel: GuestChannel | undefined
  private exit: SandboxExit | undefined
  private wanted: 'Paused' | 'Resumed' = 'Resumed'
  private changing: Promise<void> = Promise.resolve()
  private over = false
  private peak = 0

  constructor(spec: SandboxSpec, events: SandboxEvents, host: MicrovmHost, name: string) {
    this.spec = spec
    this.events = events
    this.host = host
    this.folder = join(host.folder, name)
    this.api = new FirecrackerApi(join(this.folder, 'api'))
    this.begin().catch((error: Error) => this.fail(error.message))
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  limitCpus(): void {
    // Its virtual CPUs are its limit.
  }

  freeze(): void {
    this.change('Paused')
  }

  thaw(): void {
    this.change('Resumed')
  }

  kill(): void {
    this.exit ??= { status: undefined, signal: 'SIGKILL', outOfMemory: false, failure: undefined }
    if (this.child === undefined) setImmediate(() => this.finish())
    else this.child.kill('SIGKILL')
  }

  terminate(): void {
    this.thaw()
    this.channel?.terminate()
  }

  peakMemoryBytes(): number {
    if (!this.over && this.pid !== 0) this.peak = Math.max(this.peak, peakBytes(this.pid))
    return this.peak
  }

  private async begin(): Promise<void> {
    const { spec, host } = this
    if (spec.network !== 'none') {
      throw new Error(`the driver microvm has no network ${spec.network}; use none, or the driver sandbox`)
    }
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    const mounts = mountsOf(spec)
    const folders = await Promise.all(mounts.map(([directory]) => host.images.imageOf(directory)))
    const socket = join(this.folder, 'vsock')
    const order: GuestOrder = {
      mounts: Object.fromEntries(
        mounts.map(([, inside], index) => [`/dev/vd${String.fromCharCode(98 + index)}`, inside]),
      ),
      temporaryMb: spec.ephemeralStorageMb,
      launch: spec.launch(pathsOf(spec), `127.0.0.1:${RUNTIME_API_PORT}`),
    }
    await this.listen(`${socket}_${CONTROL_PORT}`, (guest) => this.onGuest(guest, order))
    await this.listen(`${socket}_${RUNTIME_API_PORT}`, (guest) => this.events.onConnection(guest))
    if (this.exit !== undefined) return this.finish()
    this.run()
    const requests = machineRequests(spec, {
      kernel: host.kernel,
      rootFileSystem: host.rootFileSystem,
      folders,
      socket,
    })
    for (const { method, path, body } of requests) await this.api.send(method, path, body)
  }

  private run(): void {
    const command = [this.host.firecracker, '--api-sock', join(this.folder, 'api'), '--level', 'Error']
    const { child } = startProgram(this.host, { command, environment: {} }, this.folder)
    this.child = child
    let errors = ''
    child.stdout!.resume() // the machine's console
    child.stderr!.on('data', (bytes: Buffer) => {
      if (errors.length < 4096) errors += String(bytes)
    })
    child.on('error', (error) => this.fail(`firecracker: ${error.message}`))
    child.once('close', (status, signal) => {
      const failure = `firecracker ended with ${status ?? signal}${errors === '' ? '' : `: ${errors.trim()}`}`
      this.exit ??= { status: undefined, signal: undefined, outOfMemory: false, failure }
      this.finish()
    })
  }

  private onGuest(socket: Socket, order: GuestOrder): void {
    // One agent, one connection.
    if (this.channel !== undefined) return void socket.destroy()
    this.channel = new GuestChannel(socket, order, {
      onOutput: (stream, bytes) => this.events.onOutput(stream, bytes),
      onExit: (exit) => {
        this.exit ??= { ...exit, failure: undefined }
        this.child?.kill('SIGKILL')
      },
      onFailure: (failure) => this.fail(failure),
    })
  }

  /** Only the last wish counts: what came between is not asked for. */
  private change(state: 'Paused' | 'Resumed'): void {
    if (this.wanted === state || this.over) return
    this.wanted = state
    this.changing = this.changing
      .then(() => (this.wanted === state ? this.api.send('PATCH', '/vm', { state }) : undefined))
      .catch((error: Error) => this.fail(error.message))
  }

  private listen(path: string, onConnection: (socket: Socket) => void): Promise<void> {
    const server = new Server((socket) => {
      if (this.over) socket.destroy()
      else onConnection(socket)
    })
    this.servers.push(server)
    return new Promise((resolve, reject) => server.once('error', reject).listen(path, resolve))
  }

  private fail(failure: string): void {
    if (this.over) return
    this.exit ??= { status: undefined, signal: undefined, outOfMemory: false, failure }
    if (this.child?.pid === undefined) this.finish()
    else this.child.kill('SIGKILL')
  }

  private finish(): void {
    if (this.over) return
    this.over = true
    this.channel?.close()
    for (const server of this.servers) server.close()
    rmSync(this.folder, { recursive: true, force: true })
    this.events.onExit(this.exit!)
    this.host.ended(this)
  }
}

function pathsOf(spec: SandboxSpec): SandboxPaths {
  return {
    task: '/var/task',
    layers: spec.layersDirectory === undefined ? undefined : '/opt',
    runtime: spec.runtimeDirectory === undefined ? undefined : '/var/runtime',
    temporary: '/tmp',
    // The root file system's own: one of the host would lack its libraries.
    interpreter:
      spec.interpreter === undefined
        ? undefined
        : `/var/lang/bin/${/python/.test(spec.interpreter) ? 'python3' : 'node'}`,
  }
}

/** Folders of the host and where the guest sees them. */
function mountsOf(spec: SandboxSpec): readonly (readonly [string, string])[] {
  return [
    [spec.taskDirectory, '/var/task'],
    ...(spec.layersDirectory === undefined ? [] : [[spec.layersDirectory, '/opt'] as const]),
    ...(spec.runtimeDirectory === undefined ? [] : [[spec.runtimeDirectory, '/var/runtime'] as const]),
  ]
}
