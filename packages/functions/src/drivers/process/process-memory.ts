import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PAGE_BYTES = 4096
/** So many processes of one environment are looked at. */
const MAX_PROCESSES = 64

/** Resident memory of a program and what it started, in bytes; 0 when it is gone. */
export async function residentBytes(pid: number): Promise<number> {
  return process.platform === 'linux' ? residentBytesFromProc(pid) : residentBytesFromPs(pid)
}

async function residentBytesFromProc(root: number): Promise<number> {
  const pids = [root]
  let total = 0
  for (let index = 0; index < pids.length && index < MAX_PROCESSES; index++) {
    const pid = pids[index]!
    try {
      // Pages: size resident shared … (proc_pid_statm(5))
      const statm = await readFile(`/proc/${pid}/statm`, 'latin1')
      total += Number(statm.split(' ', 2)[1]) * PAGE_BYTES
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1')
      for (const child of children.split(' ')) if (child.trim() !== '') pids.push(Number(child))
    } catch {
      // It ended between two looks.
    }
  }
  return total
}

async function residentBytesFromPs(group: number): Promise<number> {
  try {
    const { stdout } = await run('ps', ['-A', '-o', 'pgid=,rss='])
    let total = 0
    for (const line of stdout.split('\n')) {
      const [pgid, rss] = line.trim().split(/\s+/)
      if (Number(pgid) === group) total += Number(rss) * 1024
    }
    return total
  } catch {
    return 0
  }
}

/** The most that this one process has held so far, where the kernel keeps it (VmHWM of proc_pid_status(5)); else 0. */
export function peakBytes(pid: number): number {
  if (process.platform !== 'linux') return 0
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return found === null ? 0 : Number(found[1]) * 1024
  } catch {
    return 0
  }
}
