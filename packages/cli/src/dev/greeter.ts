import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The gRPC service of the demo, in a process of its own. */
export interface DevGreeter {
  readonly port: number
  readonly webPort: number
  close(): Promise<void>
}

const PACKAGE = '@sekisho/greeter'

/** Undefined when its package is not installed: gRPC for everybody would cost those who do not want it 20 MB. */
export async function startDevGreeter(): Promise<DevGreeter | undefined> {
  if (!isInstalled(PACKAGE)) return undefined
  const child = fork(fileURLToPath(new URL('./greeter-process.js', import.meta.url)), { execArgv: [] })
  const exited = once(child, 'exit')
  const ready = await Promise.race([once(child, 'message'), exited.then(() => undefined)])
  if (ready === undefined) throw new Error(`the Greeter of ${PACKAGE} ended before it served`)
  const [ports] = ready as [{ readonly port: number; readonly webPort: number }]
  return {
    ...ports,
    async close() {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}
