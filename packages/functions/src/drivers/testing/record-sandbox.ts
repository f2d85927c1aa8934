import type { Socket } from 'node:net'
import type { Driver, Sandbox, SandboxExit, SandboxSpec } from '../driver.ts'

/** A sandbox with what it told. */
export interface SandboxRecord {
  readonly sandbox: Sandbox
  readonly exit: Promise<SandboxExit>
  readonly connection: Promise<Socket>
  /** Of its standard output. */
  readonly firstLine: Promise<string>
  text(stream: 'stdout' | 'stderr'): string
}

/** Starts a sandbox and keeps what it tells. */
export function recordSandbox(driver: Driver, spec: SandboxSpec): SandboxRecord {
  const exit = settlable<SandboxExit>()
  const connection = settlable<Socket>()
  const firstLine = settlable<string>()
  const texts = { stdout: '', stderr: '' }
  const sandbox = driver.start(spec, {
    onConnection: (socket) => {
      socket.on('error', () => undefined)
      connection.resolve(socket)
    },
    onOutput: (stream, bytes) => {
      texts[stream] += bytes.toString()
      if (stream === 'stdout' && texts.stdout.includes('\n')) firstLine.resolve(texts.stdout.split('\n', 1)[0]!)
    },
    onExit: (end) => {
      exit.resolve(end)
      firstLine.resolve(texts.stdout)
    },
  })
  return {
    sandbox,
    exit: exit.promise,
    connection: connection.promise,
    firstLine: firstLine.promise,
    text: (stream) => texts[stream],
  }
}

/** A specification with small defaults that runs one command; its variable API is the address of the Runtime API. */
export function sandboxSpec(
  given: Partial<Omit<SandboxSpec, 'launch'>> & {
    readonly command: readonly string[]
    readonly environment?: Readonly<Record<string, string>>
    readonly workingDirectory?: string
  },
): SandboxSpec {
  const { command, environment, workingDirectory, ...rest } = given
  return {
    id: 'test',
    taskDirectory: '/usr/share',
    layersDirectory: undefined,
    runtimeDirectory: undefined,
    interpreter: undefined,
    rootDirectory: undefined,
    memoryMb: 256,
    ephemeralStorageMb: 16,
    cpus: undefined,
    network: 'none',
    ...rest,
    launch: (paths, runtimeApi) => ({
      command,
      environment: { PATH: '/usr/local/bin:/usr/bin:/bin', API: runtimeApi, ...environment },
      workingDirectory: workingDirectory ?? paths.task,
      companions: [],
    }),
  }
}

function settlable<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
