import { readdirSync, readFileSync } from 'node:fs'

/**
 * Ends bubblewraps of a dead engine that had not got as far as a control group: killed in its first millisecond, it leaves a process behind that
 * waits for it. They are known by the root folder among their arguments, which no other engine has.
 */
export function killLeftBubblewraps(rootFolder: string): void {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const list = argumentsOf(name)
    if (list[0]?.endsWith('bwrap') === true && list.includes(rootFolder)) {
      try {
        process.kill(Number(name), 'SIGKILL')
      } catch {
        // It ended meanwhile.
      }
    }
  }
}

function argumentsOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
  } catch {
    return []
  }
}
