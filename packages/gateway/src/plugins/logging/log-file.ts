import { fstatSync, openSync, closeSync, stat } from 'node:fs'
import { LogWriter } from '../../observability/access-log/log-writer.ts'
import type { PluginLogger } from '../context.ts'
import type { LogCounts } from './log-metrics.ts'
import { logClosed, logOpened, type OpenLog } from './open-logs.ts'

/** How long a file that could not be opened is left alone, and how often one is looked at that may have been renamed. */
const LOOK_INTERVAL_MS = 1_000

/** Files of this thread, by path: places that write to the same one share it. */
const files = new Map<string, { readonly file: LogFile; users: number }>()

/** A file that whole lines are appended to. Give it back with `releaseLogFile`. */
export function acquireLogFile(path: string, counts: LogCounts, logger: PluginLogger): LogFile {
  let known = files.get(path)
  if (known === undefined) files.set(path, (known = { file: new LogFile(path, counts, logger), users: 0 }))
  known.users++
  return known.file
}

export function releaseLogFile(path: string): void {
  const known = files.get(path)
  if (known === undefined || --known.users > 0) return
  files.delete(path)
  void known.file.close()
}

/**
 * Lines are gathered and appended (O_APPEND) beside the requests, so that those of several workers never mix. While the disk stalls up to 8 MiB wait;
 * what comes beyond is dropped and counted, as is what a full disk refuses. A file that was renamed or deleted is opened anew, within a second or
 * two, or at once by SIGUSR1.
 */
export class LogFile implements OpenLog {
  private readonly path: string
  private readonly counts: LogCounts
  private readonly logger: PluginLogger
  private writer: LogWriter | undefined
  private inode = 0
  private failing = false
  private nextOpenAt = 0
  private written = 0
  private dropped = 0
  private lookTimer: NodeJS.Timeout | undefined

  constructor(path: string, counts: LogCounts, logger: PluginLogger) {
    this.path = path
    this.counts = counts
    this.logger = logger
    logOpened(this)
  }

  /** Adds a line, given without its line feed. */
  write(line: string): void {
    const writer = this.writer ?? this.open()
    if (writer === undefined) {
      this.counts.add('dropped', 1)
      return
    }
    this.written++
    writer.write(line)
    this.lookTimer ??= setTimeout(() => this.look(), LOOK_INTERVAL_MS).unref()
  }

  reopen(): void {
    this.writer?.reopen()
    this.remember()
  }

  async flush(deadlineMs: number): Promise<boolean> {
    const complete = (await this.writer?.flush(deadlineMs)) ?? true
    this.count()
    return complete
  }

  async close(): Promise<void> {
    logClosed(this)
    clearTimeout(this.lookTimer)
    const { writer } = this
    await writer?.close()
    this.count()
  }

  private open(): LogWriter | undefined {
    const now = performance.now()
    if (now < this.nextOpenAt) return undefined
    try {
      this.writer = new LogWriter({ path: this.path, onError: (error) => this.fail(error) })
      this.remember()
      if (this.failing) this.logger.info({ plugin: 'file-logger', path: this.path }, 'the log file is there again')
      this.failing = false
    } catch (error) {
      this.nextOpenAt = now + LOOK_INTERVAL_MS
      if (!this.failing) this.fail(error as Error)
      this.failing = true
    }
    return this.writer
  }

  private fail(err: Error): void {
    const fields = { plugin: 'file-logger', path: this.path, err }
    this.logger.error(fields, 'the log file cannot be written; entries are dropped until it can')
  }

  /** While there are lines: whether the file is still where its name is. */
  private look(): void {
    this.lookTimer = undefined
    this.count()
    stat(this.path, (error, stats) => {
      if (this.writer === undefined) return
      if (error?.code === 'ENOENT' || (error === null && stats.ino !== this.inode && stats.isFile())) this.reopen()
    })
  }

  /** By its name: another name may have come there since, which the next look finds. */
  private remember(): void {
    if (this.path === 'stdout' || this.path === 'stderr') return
    try {
      const fd = openSync(this.path, 'r')
      this.inode = fstatSync(fd).ino
      closeSync(fd)
    } catch {
      this.inode = 0
    }
  }

  private count(): void {
    const dropped = (this.writer?.dropped ?? 0) - this.dropped
    this.dropped += dropped
    this.counts.add('dropped', dropped)
    this.counts.add('sent', Math.max(0, this.written - dropped))
    this.written = 0
  }
}
