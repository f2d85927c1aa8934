import { spawn } from 'node:child_process'
import type { ServerLogger } from '../logger.ts'

/** A message is a few bytes to a local socket: a program that takes longer hangs. */
const TELL_TIMEOUT_MS = 5_000
/** A sign of life is due at half of the time (sd_watchdog_enabled(3)). */
const WATCHDOG_SHARE = 2

export interface ServiceManagerOptions {
  readonly notifySocket: string
  /** Microseconds within which a sign of life is expected; 0: none. */
  readonly watchdogUs: number
  readonly logger: ServerLogger
  /** What sends a message; tests bring their own. */
  readonly program?: string
}

/**
 * Tells systemd the state of the service (sd_notify(3)). Node cannot open the datagram socket that this goes to, so the program
 * `systemd-notify` sends each message, and the unit has to say `NotifyAccess=all`.
 */
export class ServiceManager {
  readonly #options: ServiceManagerOptions
  readonly #watchdog: NodeJS.Timeout | undefined
  /** One message after the other: each is a process of its own. */
  #last: Promise<void> = Promise.resolve()
  #failed = false
  #reloading = false

  constructor(options: ServiceManagerOptions) {
    this.#options = options
    const { watchdogUs } = options
    if (watchdogUs === 0) return
    this.#watchdog = setInterval(() => this.#tell('WATCHDOG=1'), watchdogUs / 1000 / WATCHDOG_SHARE)
    this.#watchdog.unref()
  }

  /** A gateway process serves. */
  ready(status: string): void {
    this.#reloading = false
    this.#tell('READY=1', `MAINPID=${process.pid}`, `STATUS=${status}`)
  }

  reloading(): void {
    this.#reloading = true
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`)
  }

  /** A reload is over, in force or refused: the service is as ready as before. */
  settled(): void {
    if (!this.#reloading) return
    this.#reloading = false
    this.#tell('READY=1')
  }

  /** `withinMs`: when the last process is gone at the latest; systemd must not lose patience before. */
  stopping(withinMs: number): void {
    clearInterval(this.#watchdog)
    this.#tell('STOPPING=1', `EXTEND_TIMEOUT_USEC=${withinMs * 1000}`)
  }

  /** Resolves when all that was told has been sent. */
  sent(): Promise<void> {
    return this.#last
  }

  #tell(...message: string[]): void {
    this.#last = this.#last.then(() => this.#send(message))
  }

  #send(message: readonly string[]): Promise<void> {
    const { program = 'systemd-notify', notifySocket } = this.#options
    return new Promise((resolve) => {
      const child = spawn(program, message, {
        stdio: ['ignore', 'ignore', 'ignore'],
        timeout: TELL_TIMEOUT_MS,
        env: { ...process.env, NOTIFY_SOCKET: notifySocket },
      })
      child.on('error', (error) => {
        this.#complain(error.message)
        resolve()
      })
      child.on('exit', (code, signal) => {
        if (code !== 0) this.#complain(signal === null ? `exit status ${code}` : `killed by ${signal}`)
        resolve()
      })
    })
  }

  /** Once: a watchdog would say it again and again. */
  #complain(reason: string): void {
    if (this.#failed) return
    this.#failed = true
    const { program = 'systemd-notify', logger } = this.#options
    logger.warn(`systemd was not told: ${program} failed (${reason})`)
  }
}
