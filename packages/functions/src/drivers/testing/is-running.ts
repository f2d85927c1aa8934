import { execFileSync } from 'node:child_process'

/** Whether a process runs: one that has ended and only waits for its parent does not. */
export function isRunning(pid: number): boolean {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'latin1' }).startsWith('Z')
  } catch {
    return false
  }
}
