import { BindConnection, type DirectoryAddress } from './bind-connection.ts'

/** No verdict on the credentials. The message is for the log, not for clients. */
export class DirectoryFailure extends Error {
  readonly kind: 'timeout' | 'unreachable' | 'busy' | 'refused'

  constructor(kind: DirectoryFailure['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

export interface BindPoolOptions {
  readonly address: DirectoryAddress
  /** For all of one question, in ms. */
  readonly timeoutMs: number
  /** Connections that are kept for later. */
  readonly maxIdle: number
  readonly idleTimeoutMs: number
}

/** Questions at a time: what comes beyond is refused at once, so that a slow directory holds a bounded part of the memory. */
const MAX_IN_FLIGHT = 200

const SUCCESS = 0
/**
 * Results of a bind that are about the caller, not about the directory (RFC 4511 appendix A): constraintViolation (a password that is blocked),
 * noSuchObject, invalidDNSyntax, inappropriateAuthentication, invalidCredentials, unwillingToPerform (an account that is closed).
 */
const WRONG = new Set([19, 32, 34, 48, 49, 53])

interface Kept {
  readonly connection: BindConnection
  readonly timer: NodeJS.Timeout
}

/**
 * Asks a directory whether a password is that of a name, by a simple bind (RFC 4511 section 4.2). A connection carries one question at a time and serves
 * the next one then, which only replaces who it is bound as: nothing else is ever asked on it.
 */
export class BindPool {
  private readonly options: BindPoolOptions
  private readonly idle: Kept[] = []
  private inFlight = 0
  private closed = false

  constructor(options: BindPoolOptions) {
    this.options = options
  }

  /**
   * Whether the password is right.
   * @param password not empty: a bind without one is anonymous, and succeeds for any name (RFC 4513 section 5.1.2)
   * @throws DirectoryFailure (as a rejection) when the directory gives no verdict
   */
  async verify(dn: string, password: string): Promise<boolean> {
    if (password === '') return false
    if (this.inFlight >= MAX_IN_FLIGHT) {
      throw new DirectoryFailure('busy', `${this.inFlight} questions are waiting for it already`)
    }
    this.inFlight++
    try {
      const kept = this.takeIdle()
      if (kept !== undefined) {
        const verdict = await this.ask(kept, dn, password)
        // The directory may have closed it while it was idle.
        if (!(verdict instanceof DirectoryFailure) || verdict.kind !== 'unreachable') return answerOf(verdict)
      }
      return answerOf(await this.ask(new BindConnection(this.options.address), dn, password))
    } finally {
      this.inFlight--
    }
  }

  close(): void {
    this.closed = true
    for (const { connection, timer } of this.idle.splice(0)) {
      clearTimeout(timer)
      connection.close()
    }
  }

  private takeIdle(): BindConnection | undefined {
    for (let kept = this.idle.pop(); kept !== undefined; kept = this.idle.pop()) {
      clearTimeout(kept.timer)
      if (kept.connection.usable) return kept.connection
    }
    return undefined
  }

  private async ask(connection: BindConnection, dn: string, password: string): Promise<boolean | DirectoryFailure> {
    const { timeoutMs } = this.options
    let late = false
    const timer = setTimeout(() => {
      late = true
      connection.close()
    }, timeoutMs)
    try {
      const code = await connection.bind(dn, password)
      if (code !== SUCCESS && !WRONG.has(code)) {
        connection.close()
        return new DirectoryFailure('refused', `it answers with the result code ${code}`)
      }
      this.keep(connection)
      return code === SUCCESS
    } catch (error) {
      if (late) return new DirectoryFailure('timeout', `no answer within ${timeoutMs} ms`)
      return new DirectoryFailure('unreachable', (error as Error).message)
    } finally {
      clearTimeout(timer)
    }
  }

  private keep(connection: BindConnection): void {
    if (this.closed || this.idle.length >= this.options.maxIdle) return connection.close()
    const timer = setTimeout(() => {
      const at = this.idle.findIndex((kept) => kept.connection === connection)
      if (at >= 0) this.idle.splice(at, 1)
      connection.close()
    }, this.options.idleTimeoutMs)
    timer.unref()
    this.idle.push({ connection, timer })
    return undefined
  }
}

function answerOf(verdict: boolean | DirectoryFailure): boolean {
  if (verdict instanceof DirectoryFailure) throw verdict
  return verdict
}
