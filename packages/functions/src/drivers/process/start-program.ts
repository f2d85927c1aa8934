import { spawn, type ChildProcess } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { GUARDED_REPORTS, guardedProgram } from '../launcher/guarded-program.ts'
import { LauncherReports } from '../launcher/launcher-reports.ts'
import type { Program } from '../launcher/launch-script.ts'
import type { WrittenLauncher } from '../launcher/write-launcher.ts'

export interface ProgramHost {
  /** On Linux programs start by the launcher, so that they end when the engine is killed; undefined elsewhere. */
  readonly launcher: WrittenLauncher | undefined
}

export interface StartedProgram {
  readonly child: ChildProcess
  /** When it has ended: why it could not be started; undefined: it ran. */
  readonly failure: () => Promise<string | undefined>
}

/** Starts one program as the leader of a process group of its own. */
export function startProgram(host: ProgramHost, program: Program, cwd: string): StartedProgram {
  const [file = '', ...parameters] = program.command
  if (host.launcher === undefined) {
    const { environment: env } = program
    const child = spawn(file, parameters, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    return { child, failure: async () => undefined }
  }
  const script = guardedProgram(host.launcher.machine, program)
  const child = spawn(host.launcher.file, [], { cwd, env: {}, stdio: ['pipe', 'pipe', 'pipe', 'pipe'], detached: true })
  const reports = new LauncherReports()
  const reader = child.stdio[GUARDED_REPORTS] as Duplex
  const read = new Promise<void>((resolve) => reader.once('close', resolve))
  reader.on('data', (bytes: Buffer) => reports.add(bytes))
  reader.on('error', () => undefined)
  child.stdin!.on('error', () => undefined) // it ended before it had read its script; its exit says why
  child.stdin!.end(script.build())
  return {
    child,
    failure: async () => {
      await read
      return reports.failure(script)
    },
  }
}
