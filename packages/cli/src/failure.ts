/** Not by `import`, which evaluates all of `node:fs`: this module is part of the supervisor, which is to stay small. */
const { writeSync } = process.getBuiltinModule('node:fs')

/** Something that the person who typed the command can mend: its message is all there is to say. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** A failure of which everything has been said already, by a process that was started for it. */
export class SilentFailure extends Error {
  override readonly name = 'SilentFailure'
}

/** Ends the command: one clear line on standard error, the stack only with `SEKISHO_DEBUG=1`, exit status 1. */
export function fail(error: unknown): void {
  process.exitCode = 1
  if (error instanceof SilentFailure) return
  say(`sekisho: ${describe(error)}`)
}

/** One line on standard error, which is where everything goes that is not the result of a command. */
export function say(line: string): void {
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // Nobody reads it any more.
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return process.env['SEKISHO_DEBUG'] === '1' ? (error.stack ?? error.message) : error.message
}
