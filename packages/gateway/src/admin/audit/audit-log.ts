import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AuditEntry } from './audit-entry.ts'

/** Who changed what: one line of JSON each, in a file that only its owner can read. */
export class AuditLog {
  private readonly path: string
  private fd: number

  /** @throws the system's error when the file cannot be opened */
  constructor(path: string) {
    this.path = path
    mkdirSync(dirname(path), { recursive: true })
    this.fd = openSync(path, 'a', 0o600)
  }

  /** Written at once: people change something seldom, and want to find it after a crash. */
  write(entry: AuditEntry): void {
    writeSync(this.fd, `${JSON.stringify(entry)}\n`)
  }

  /** After the file was renamed. When that fails the old one is kept. */
  reopen(): void {
    const opened = openSync(this.path, 'a', 0o600)
    closeSync(this.fd)
    this.fd = opened
  }

  close(): void {
    closeSync(this.fd)
  }
}
