import type { Socket } from 'node:net'
import type { FunctionNetwork } from '../model/deployed-function.ts'

export type DriverName = 'process' | 'sandbox' | 'oci' | 'microvm'

/** Where things are as the function sees them; in the `process` driver, which has no mount namespace, the paths of the host. */
export interface SandboxPaths {
  /** `/var/task` */
  readonly task: string
  /** `/opt`; undefined: there are no layers. */
  readonly layers: string | undefined
  /** `/var/runtime`: the runtime's own files (the Node.js and Python shims); undefined for `provided`. */
  readonly runtime: string | undefined
  /** `/tmp` */
  readonly temporary: string
  /** Where the interpreter is: `/var/lang/bin/node`; undefined where the runtime needs none. */
  readonly interpreter: string | undefined
}

/** What a sandbox is made of. Paths are the host's. */
export interface SandboxSpec {
  /** Of the environment; used in names of cgroups and folders: `[a-z0-9-]+`. */
  readonly id: string
  readonly taskDirectory: string
  readonly layersDirectory: string | undefined
  readonly runtimeDirectory: string | undefined
  /** Executable of the interpreter (`process.execPath`, python3). */
  readonly interpreter: string | undefined
  /** Root file system of an image instead of the host's own read-only system; undefined: the host's. */
  readonly rootDirectory: string | undefined
  readonly memoryMb: number
  readonly ephemeralStorageMb: number
  /** Virtual CPUs, `memoryMb / 1769`, from `limitCpus` on; undefined: as many as there are. */
  readonly cpus: number | undefined
  readonly network: FunctionNetwork
  /**
   * What to run and with which variables, given the paths inside. `runtimeApi` is `host:port` for AWS_LAMBDA_RUNTIME_API. Called once by `start`.
   */
  readonly launch: (paths: SandboxPaths, runtimeApi: string) => SandboxLaunch
}

export interface SandboxLaunch {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly workingDirectory: string
  /** Programs that run beside it in the same sandbox (extensions), each with variables of its own. */
  readonly companions: readonly {
    readonly command: readonly string[]
    readonly environment: Readonly<Record<string, string>>
  }[]
}

/** How the main program ended. */
export interface SandboxExit {
  /** undefined when a signal ended it. */
  readonly status: number | undefined
  readonly signal: NodeJS.Signals | undefined
  /** It was ended because it took more memory than it may. */
  readonly outOfMemory: boolean
  /** It could not be started at all: why, for people. */
  readonly failure: string | undefined
}

/** Who is told what happens in a sandbox. */
export interface SandboxEvents {
  /** The runtime or an extension connected to the Runtime API; the socket has not been read from. */
  onConnection(socket: Socket): void
  onOutput(stream: 'stdout' | 'stderr', bytes: Buffer): void
  /** Nothing of it runs any more. Called once. */
  onExit(exit: SandboxExit): void
}

/** One sandbox with its processes: an execution environment's body. */
export interface Sandbox {
  /** Of the host's view; for logs and `doctor`. 0 until there is one. */
  readonly pid: number
  /** Init has every CPU, as on AWS; when it is over this applies `cpus` of the specification. Synchronous, may be repeated. */
  limitCpus(): void
  /** Stops all its processes until `thaw`. Both are synchronous and may be repeated. */
  freeze(): void
  thaw(): void
  /** Ends all its processes at once, frozen or not; `onExit` follows. */
  kill(): void
  /** SIGTERM to all of them, for extensions that registered for SHUTDOWN. */
  terminate(): void
  /** The most memory it has held so far, in bytes. */
  peakMemoryBytes(): number
}

/** One thing that a driver needs, and whether this host has it. */
export interface DriverCheck {
  /** `cgroup memory controller` */
  readonly what: string
  readonly fulfilled: boolean
  /** What was found, or what is missing and how to get it. */
  readonly detail: string
  /** Without it the driver refuses to start. */
  readonly required: boolean
}

/** A way to run functions apart from each other. Chosen by name; never replaced by a weaker one in silence. */
export interface Driver {
  readonly name: DriverName
  /** What `sekisho fn doctor` prints. */
  check(): Promise<readonly DriverCheck[]>
  /** Ends and removes what an engine before this one left behind, then makes ready. Rejects with what is missing. */
  open(): Promise<void>
  /** Returns at once; failures to start come as `onExit` with `failure`. */
  start(spec: SandboxSpec, events: SandboxEvents): Sandbox
  /** Kills all, removes all. */
  close(): Promise<void>
}
