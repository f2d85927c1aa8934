import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Driver, DriverCheck, Sandbox, SandboxEvents, SandboxSpec } from '../driver.ts'
import { writeLauncher } from '../launcher/write-launcher.ts'
import { forgetGroup, killLeftGroups, rememberGroup } from './left-groups.ts'
import { ProcessSandbox, type ProcessHost } from './process-sandbox.ts'

const MEMORY_WATCH_MS = 250
/** Ids of environments have no dot. */
const LAUNCHER = '.launcher'

/**
 * No isolation: functions run as the user who runs the engine and see what that user sees. For development, where it also works on macOS.
 * A function's memory is sampled, its /tmp is a folder in TMPDIR, and neither network nor disk has a limit.
 */
export class ProcessDriver implements Driver {
  readonly name = 'process'
  private readonly folder: string
  private readonly sandboxes = new Set<ProcessSandbox>()
  private host: ProcessHost | undefined
  private watch: NodeJS.Timeout | undefined
  private whenEmpty: (() => void) | undefined

  /** @param dataDirectory of the engine; the driver uses `environments` in it */
  constructor(options: { readonly dataDirectory: string }) {
    this.folder = join(options.dataDirectory, 'environments')
  }

  async check(): Promise<readonly DriverCheck[]> {
    const supported = process.platform === 'linux' || process.platform === 'darwin'
    return [
      {
        what: 'operating system',
        fulfilled: supported,
        detail: supported
          ? `${process.platform}; functions are not isolated`
          : `${process.platform}: use Linux or macOS`,
        required: true,
      },
    ]
  }

  async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    await killLeftGroups(this.folder)
    for (const left of await readdir(this.folder)) await rm(join(this.folder, left), { recursive: true, force: true })
    this.host = {
      folder: this.folder,
      launcher: await writeLauncher(join(this.folder, LAUNCHER)),
      started: (id, pid) => void rememberGroup(this.folder, id, pid).catch(() => undefined),
      ended: (ended) => {
        this.sandboxes.delete(ended)
        void forgetGroup(this.folder, ended.spec.id).catch(() => undefined)
        if (this.sandboxes.size === 0) this.whenEmpty?.()
      },
    }
    this.watch = setInterval(() => this.watchMemory(), MEMORY_WATCH_MS)
    this.watch.unref()
  }

  start(spec: SandboxSpec, events: SandboxEvents): Sandbox {
    if (this.host === undefined) throw new Error('the driver process is not open')
    const sandbox = new ProcessSandbox(spec, events, this.host)
    this.sandboxes.add(sandbox)
    return sandbox
  }

  async close(): Promise<void> {
    clearInterval(this.watch)
    if (this.sandboxes.size === 0) return
    const empty = new Promise<void>((resolve) => {
      this.whenEmpty = resolve
    })
    for (const sandbox of this.sandboxes) sandbox.kill()
    await empty
  }

  private watchMemory(): void {
    for (const sandbox of this.sandboxes) sandbox.watchMemory().catch(() => undefined)
  }
}
