import { spawn, type ChildProcess } from 'node:child_process'
import type { ControlGroup } from '../cgroup/control-group.ts'
import { CHANNEL } from '../launcher/launch-script.ts'
import { becomeScript, standbyScript } from '../launcher/standby-script.ts'
import type { WrittenLauncher } from '../launcher/write-launcher.ts'
import type { ContainerCommand } from './container-tool.ts'

/** runc looks for programs of its own. */
const TOOL_ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }

/** A process that waits to become the tool of a sandbox, with a control group for that sandbox. */
export class Standby {
  readonly group: ControlGroup
  /** Its `pid` is undefined when it could not be started; `error` says why. */
  readonly child: ChildProcess
  private readonly launcher: WrittenLauncher

  /** @param joins it is in the group from the start; else only what it launches joins */
  constructor(launcher: WrittenLauncher, group: ControlGroup, joins: boolean) {
    this.launcher = launcher
    this.group = group
    const { joinDescriptors } = group
    // Nothing of a function's environment may be in that of the tool, which runs outside.
    this.child = spawn(launcher.file, [], {
      stdio: ['pipe', 'ignore', 'pipe', 'ipc', ...joinDescriptors],
      env: TOOL_ENVIRONMENT,
      cwd: '/',
    })
    this.child.on('error', () => undefined)
    this.child.stdin?.on('error', () => undefined) // it ended before it had read its script; its exit says why
    this.child.stdin?.write(
      standbyScript(launcher, joins ? joinDescriptors.map((_, index) => CHANNEL + 1 + index) : []),
    )
  }

  /** @param script of the launcher that the tool runs */
  become(command: ContainerCommand, script: Buffer): void {
    const tool = becomeScript(this.launcher, command.program, command.arguments, TOOL_ENVIRONMENT)
    this.child.stdin?.write(Buffer.concat([tool, script]))
  }
}
