import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DriverCheck, SandboxPaths, SandboxSpec } from '../driver.ts'
import { findExecutable } from '../find-executable.ts'
import { bubblewrapArguments, pathsInside } from './bubblewrap-arguments.ts'
import type { ContainerCommand, ContainerTool } from './container-tool.ts'
import { killLeftBubblewraps } from './left-processes.ts'
import { checkSandbox } from './sandbox-checks.ts'

const NOTHING_TO_REMOVE = (): void => undefined

export class BubblewrapTool implements ContainerTool {
  readonly inGroup = true
  private program = 'bwrap'
  private rootFolder = ''
  private devices: boolean | undefined

  check(): Promise<readonly DriverCheck[]> {
    return checkSandbox()
  }

  async open(_folder: string, rootFolder: string): Promise<void> {
    this.program = findExecutable('bwrap') ?? this.program
    this.rootFolder = rootFolder
    killLeftBubblewraps(rootFolder)
  }

  paths(spec: SandboxSpec): SandboxPaths {
    return pathsInside(spec)
  }

  command(spec: SandboxSpec, options: { readonly asRoot: boolean }): ContainerCommand {
    this.devices ??= existsSync(join(this.rootFolder, 'dev/null'))
    const list = bubblewrapArguments(spec, {
      rootFolder: this.rootFolder,
      asRoot: options.asRoot,
      devices: this.devices,
    })
    return { program: this.program, arguments: list, remove: NOTHING_TO_REMOVE }
  }
}
