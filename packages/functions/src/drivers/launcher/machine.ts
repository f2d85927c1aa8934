/** Processors that the launcher and the system call filter are written for, by Node's names. */
export type Machine = 'x64' | 'arm64'

/** @returns undefined: this processor is not one of them */
export function thisMachine(): Machine | undefined {
  return process.arch === 'x64' || process.arch === 'arm64' ? process.arch : undefined
}
