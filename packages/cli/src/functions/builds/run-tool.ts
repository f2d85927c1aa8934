import { spawn } from 'node:child_process'
import { Failure, SilentFailure } from '../../failure.ts'

export interface ToolOptions {
  readonly cwd: string
  readonly environment?: Readonly<Record<string, string>>
  /** What to install when it is not there. */
  readonly install: string
}

/** Of what a tool prints for us: messages of a large cargo workspace. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/**
 * Runs a compiler. What it says to people goes to standard error as it is; what it prints is the result. Throws Failure when it is not installed, and
 * SilentFailure when it has said what is wrong itself.
 */
export function runTool(command: string, args: readonly string[], options: ToolOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pieces: Buffer[] = []
    let bytes = 0
    child.stdout.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes > MAX_OUTPUT_BYTES) child.kill()
      else pieces.push(piece)
    })
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Failure(`${command} is not installed: ${options.install}`) : error),
    )
    child.once('close', (status, signal) => {
      if (status === 0) resolve(Buffer.concat(pieces).toString())
      else if (signal === null) reject(new SilentFailure(`${command} ${args[0]} failed`))
      else reject(new Failure(`${command} was ended by ${signal}`))
    })
  })
}
