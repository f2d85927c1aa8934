import { readFileSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { CgroupLayout } from '../cgroup/cgroup-layout.ts'

/** Left in the data folder by an engine that runs, so that the next one can clean up after it. */
export interface EngineRecord {
  readonly pid: number
  /** Of /proc/PID/stat: tells a process from a later one with the same number. */
  readonly startTime: string
  readonly cgroups: CgroupLayout
}

export async function readEngineRecord(file: string): Promise<EngineRecord | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch {
    return undefined
  }
  try {
    return JSON.parse(text) as EngineRecord
  } catch {
    throw new Error(`${file} is not a record of an engine; remove it when no engine uses this data folder`)
  }
}

export async function writeEngineRecord(file: string, cgroups: CgroupLayout): Promise<void> {
  const record: EngineRecord = { pid: process.pid, startTime: startTimeOf(process.pid) ?? '', cgroups }
  await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

export const removeEngineRecord = (file: string): Promise<void> => rm(file, { force: true })

/** Whether that engine still runs. */
export const isAlive = (record: EngineRecord): boolean => startTimeOf(record.pid) === record.startTime

/** Field 22 of proc_pid_stat(5); the name before it may hold spaces and brackets. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
