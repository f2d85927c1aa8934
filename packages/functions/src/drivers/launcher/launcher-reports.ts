import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { EXIT_MARK } from './launch-script.ts'
import { FAILURE_MARK, type Script } from './script.ts'

/** What bubblewrap and the launcher may say of one sandbox. */
const MAX_REPORT_BYTES = 65_536

/** How a sandbox ended, from what bubblewrap (text) and the launcher (marks) wrote. */
export interface LauncherVerdict {
  readonly status: number | undefined
  readonly signal: NodeJS.Signals | undefined
  readonly failure: string | undefined
}

// SIGABRT comes before SIGIOT, which is another name for it: the first one counts, as in Node.js.
const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, number]) => [number, name as NodeJS.Signals]),
)

/** Collects reports; one for each sandbox. */
export class LauncherReports {
  private bytes = Buffer.alloc(0)

  add(bytes: Buffer): void {
    if (this.bytes.length + bytes.length <= MAX_REPORT_BYTES) this.bytes = Buffer.concat([this.bytes, bytes])
  }

  /** Which step of the script failed, and how. */
  failure(script: Script): string | undefined {
    const failedAt = this.bytes.indexOf(FAILURE_MARK)
    if (failedAt === -1) return undefined
    const failed = script.failureIn(this.bytes.subarray(failedAt))
    return failed === undefined ? 'unknown' : `${failed.purpose}: ${getSystemErrorName(-failed.errno)}`
  }

  /** @param ended how bubblewrap itself ended */
  verdict(script: Script, ended: { status: number | null; signal: NodeJS.Signals | null }): LauncherVerdict {
    const failure = this.failure(script)
    if (failure !== undefined) return { status: undefined, signal: undefined, failure }
    const exitedAt = this.bytes.indexOf(EXIT_MARK)
    if (exitedAt !== -1 && this.bytes.length >= exitedAt + EXIT_MARK.length + 4) {
      // As wait(2) has it: a signal in the low seven bits, or an exit status in the second byte.
      const word = this.bytes.readUInt32LE(exitedAt + EXIT_MARK.length)
      const signal = word & 0x7f
      if (signal === 0) return { status: (word >> 8) & 0xff, signal: undefined, failure: undefined }
      return { status: undefined, signal: SIGNAL_NAMES.get(signal) ?? 'SIGKILL', failure: undefined }
    }
    const text = this.bytes.toString().trim()
    if (text !== '') return { status: undefined, signal: undefined, failure: text }
    // Process 1 was ended from outside: by `kill`, or because the engine ended.
    return { status: undefined, signal: ended.signal ?? 'SIGKILL', failure: undefined }
  }
}
