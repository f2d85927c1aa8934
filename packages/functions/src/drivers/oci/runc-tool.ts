import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DriverCheck, SandboxPaths, SandboxSpec } from '../driver.ts'
import { findExecutable } from '../find-executable.ts'
import { pathsInside } from '../sandbox/bubblewrap-arguments.ts'
import type { ContainerCommand, ContainerTool } from '../sandbox/container-tool.ts'
import { LAUNCHER_PATH } from '../sandbox/root-folder.ts'
import { checkCgroups, checkEgress, checkMachine } from '../sandbox/sandbox-checks.ts'
import { runtimeConfig } from './runtime-config.ts'

const run = promisify(execFile)

/** Containers by runc or another runtime with its command line. */
export class RuncTool implements ContainerTool {
  /** It takes some 20 MB, which is not the function's memory. */
  readonly inGroup = false
  private readonly runtime: string
  private folder = ''
  private rootFolder = ''
  private started = 0

  /** @param runtime name or path of the OCI runtime */
  constructor(runtime = 'runc') {
    this.runtime = runtime
  }

  async check(): Promise<readonly DriverCheck[]> {
    if (process.platform !== 'linux') {
      return [
        {
          what: 'operating system',
          fulfilled: false,
          detail: `${process.platform}: containers need Linux`,
          required: true,
        },
      ]
    }
    const root = process.getuid?.() === 0
    return [
      checkMachine(),
      await this.checkRuntime(),
      {
        what: 'root',
        fulfilled: root,
        detail: root ? 'the engine is root' : 'this driver runs as root only; the driver sandbox also runs as a user',
        required: true,
      },
      checkCgroups(),
      checkEgress(),
    ]
  }

  async open(folder: string, rootFolder: string): Promise<void> {
    this.folder = folder
    this.rootFolder = rootFolder
    // What is left of containers of an engine that was killed: their number is that of their folders.
    const state = join(folder, 'state')
    for (const id of await readdir(state).catch(() => [])) {
      await run(this.program(), ['--root', state, 'delete', '--force', id]).catch(() => undefined)
    }
    for (const name of ['state', 'bundles']) {
      await rm(join(folder, name), { recursive: true, force: true })
      await mkdir(join(folder, name), { mode: 0o700 })
    }
  }

  paths(spec: SandboxSpec): SandboxPaths {
    return pathsInside(spec)
  }

  command(spec: SandboxSpec, options: { readonly descriptors: number }): ContainerCommand {
    // An environment that starts again may find its container of before not yet removed.
    const id = `${spec.id}-${++this.started}`
    const bundle = join(this.folder, 'bundles', id)
    mkdirSync(bundle, { mode: 0o700 })
    const launcherFile = join(this.rootFolder, LAUNCHER_PATH)
    writeFileSync(
      join(bundle, 'config.json'),
      JSON.stringify(runtimeConfig(spec, { rootFolder: this.rootFolder, launcherFile })),
    )
    return {
      program: this.program(),
      arguments: [
        '--root',
        join(this.folder, 'state'),
        'run',
        '--preserve-fds',
        String(options.descriptors),
        '--bundle',
        bundle,
        id,
      ],
      remove: () => rmSync(bundle, { recursive: true, force: true }),
    }
  }

  private program(): string {
    return this.runtime.includes('/') ? this.runtime : (findExecutable(this.runtime) ?? this.runtime)
  }

  private async checkRuntime(): Promise<DriverCheck> {
    const check = { what: `OCI runtime (${this.runtime})`, required: true }
    try {
      const { stdout } = await run(this.program(), ['--version'])
      return { ...check, fulfilled: true, detail: `${this.program()}, ${stdout.split('\n', 1)[0]}` }
    } catch {
      return { ...check, fulfilled: false, detail: `not installed: apt-get install ${this.runtime}` }
    }
  }
}
