import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** `2026-11-21.0000.log`: in the order of their names they are in the order of time. */
const FILE_NAME = /^(\d{4}-\d{2}-\d{2})\.(\d{4,})\.log$/

export interface LogFile {
  readonly path: string
  /** `2026-11-21` */
  readonly day: string
  readonly number: number
}

export const dayOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10)

export const logFile = (directory: string, day: string, number: number): LogFile => ({
  path: join(directory, `${day}.${String(number).padStart(4, '0')}.log`),
  day,
  number,
})

/** Oldest first; empty where the folder is not there. */
export async function listLogFiles(directory: string): Promise<LogFile[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .map((name) => FILE_NAME.exec(name))
    .filter((match) => match !== null)
    .map((match) => logFile(directory, match[1]!, Number(match[2])))
    .sort((a, b) => (a.day === b.day ? a.number - b.number : a.day < b.day ? -1 : 1))
}

export interface LogRetention {
  /** Files of days before that go. */
  readonly days: number
  /** The oldest files go until the rest is no larger. */
  readonly bytes: number
}

/** Removes what is too old or too much; never the newest file. */
export async function applyRetention(directory: string, retention: LogRetention, nowMs: number): Promise<void> {
  const files = await listLogFiles(directory)
  const firstDay = dayOf(nowMs - retention.days * 86_400_000)
  let bytes = 0
  for (const [age, file] of files.reverse().entries()) {
    bytes += await stat(file.path).then(
      (status) => status.size,
      () => 0,
    )
    if (age > 0 && (file.day < firstDay || bytes > retention.bytes)) await rm(file.path, { force: true })
  }
}
