import { X509Certificate } from 'node:crypto'
import type { PluginLogger } from '../../plugins/context.ts'
import type { Ssl } from '../../resources/ssl.ts'
import type { CertificatePair } from '../ssl-table.ts'
import type { Orderer } from './order.ts'
import type { AcmeStorage } from './storage.ts'

export interface AcmeCertificatesOptions {
  readonly domains: readonly string[]
  readonly storage: Pick<AcmeStorage, 'readCertificate' | 'writeCertificate'>
  readonly order: Orderer
  /** A certificate is there, or a newer one. */
  readonly publish: (id: string, ssl: Ssl) => void
  readonly logger: PluginLogger
  /** Milliseconds since 1970. Replaced in tests. */
  readonly now?: () => number
}

/** Let's Encrypt lets five validations of a name fail in an hour. */
export const FIRST_RETRY_MS = 15 * 60 * 1_000
const MAX_RETRY_MS = 24 * 60 * 60 * 1_000
/** Timers hold 24.8 days at most, and a clock may be set. */
const MAX_WAIT_MS = 24 * 60 * 60 * 1_000

/** The id of the ssl resource of a domain: the colon keeps it apart from all that can be written in a configuration. */
const acmeId = (domain: string): string => `acme:${domain}`

/** When a certificate is renewed: a third of its lifetime before its end, milliseconds since 1970. */
export function renewalTime(cert: string): number {
  const { validFrom, validTo } = new X509Certificate(cert)
  const end = Date.parse(validTo)
  return end - (end - Date.parse(validFrom)) / 3
}

/** Keeps a certificate for each domain: from disk, else from the authority, and a new one in time. */
export class AcmeCertificates {
  private readonly options: AcmeCertificatesOptions
  private readonly now: () => number
  private readonly timers = new Map<string, NodeJS.Timeout>()
  private readonly failures = new Map<string, number>()
  /** When each is to be ordered. */
  private readonly due = new Map<string, number>()
  /** One order after the other: authorities limit how much is asked of them at a time. */
  private orders: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(options: AcmeCertificatesOptions) {
    this.options = options
    this.now = options.now ?? Date.now
  }

  /** Publishes what is on disk; resolves when that is done. */
  async load(): Promise<void> {
    for (const domain of this.options.domains) {
      this.due.set(domain, this.now())
      try {
        const stored = await this.options.storage.readCertificate(domain)
        if (stored === undefined) continue
        this.due.set(domain, renewalTime(stored.cert))
        this.publish(domain, stored)
      } catch (err) {
        this.options.logger.error({ err, domain }, `acme: the stored certificate for ${domain} cannot be read`)
      }
    }
  }

  /** Begins to order what is missing or old. Call it when the gateway can answer the authority. */
  start(): void {
    for (const domain of this.options.domains) this.schedule(domain)
  }

  stop(): void {
    this.stopped = true
    for (const timer of this.timers.values()) clearTimeout(timer)
  }

  private schedule(domain: string): void {
    if (this.stopped) return
    const wait = (this.due.get(domain) ?? 0) - this.now()
    if (wait <= 0) {
      this.orders = this.orders.then(() => this.renew(domain))
      return
    }
    const timer = setTimeout(() => this.schedule(domain), Math.min(wait, MAX_WAIT_MS))
    timer.unref()
    this.timers.set(domain, timer)
  }

  private async renew(domain: string): Promise<void> {
    const { logger, order, storage } = this.options
    if (this.stopped) return
    try {
      const pair = await order(domain)
      if (this.stopped) return
      this.publish(domain, pair)
      this.failures.delete(domain)
      // An authority whose certificates are old when they come is not asked in a loop.
      this.due.set(domain, Math.max(renewalTime(pair.cert), this.now() + FIRST_RETRY_MS))
      const { validTo } = new X509Certificate(pair.cert)
      logger.info({ domain, validTo }, `acme: ${domain} has a certificate until ${validTo}`)
      await storage.writeCertificate(domain, pair).catch((err: unknown) => {
        logger.error({ err, domain }, `acme: the certificate for ${domain} cannot be stored; it is lost with a restart`)
      })
    } catch (err) {
      const failures = this.failures.get(domain) ?? 0
      const wait = Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS)
      this.failures.set(domain, failures + 1)
      this.due.set(domain, this.now() + wait)
      const reason = err instanceof Error ? err.message : String(err)
      logger.error({ domain }, `acme: no certificate for ${domain}: ${reason}; tried again in ${wait / 60_000} minutes`)
    }
    this.schedule(domain)
  }

  private publish(domain: string, { cert, key }: CertificatePair): void {
    this.options.publish(acmeId(domain), { id: acmeId(domain), sni: domain, cert, key })
  }
}
