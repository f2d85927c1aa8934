import type { Client } from 'acme-client'
import type { AcmeSettings } from '../../config/settings/acme.ts'
import type { CertificatePair } from '../ssl-table.ts'
import type { ChallengeBoard } from './board.ts'
import type { AcmeStorage } from './storage.ts'

/** Gets a certificate for a domain. */
export type Orderer = (domain: string) => Promise<CertificatePair>

export interface AcmeOrdersOptions {
  readonly settings: AcmeSettings
  readonly storage: AcmeStorage
  readonly board: ChallengeBoard
  /** First wait between two looks at an order that the authority works on; the library's own is 5 s. */
  readonly pollMs?: number
}

/** Authorities answer within seconds; some queue for minutes. */
const ORDER_WITHIN_MS = 5 * 60 * 1_000

/** One answer of the authority; the library itself would wait for ever. */
const ANSWER_WITHIN_MS = 30_000

/** The library speaks the protocol (RFC 8555); it is loaded by those who ask for certificates alone. */
async function loadLibrary(): Promise<typeof import('acme-client')> {
  try {
    const loaded = await import('acme-client')
    // A CommonJS module.
    const library = (loaded as unknown as { default?: typeof loaded }).default ?? loaded
    library.axios.defaults.timeout = ANSWER_WITHIN_MS
    return library
  } catch (error) {
    throw new Error('"acme" needs a library that is not installed: npm install acme-client', { cause: error })
  }
}

/** Orders at one authority, for one account. */
export class AcmeOrders {
  private readonly options: AcmeOrdersOptions
  private client: Promise<Client> | undefined

  constructor(options: AcmeOrdersOptions) {
    this.options = options
  }

  /** Rejects with what the authority said. */
  readonly order: Orderer = async (domain) => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the authority did not finish the order in time')), ORDER_WITHIN_MS)
      timer.unref()
    })
    try {
      return await Promise.race([this.run(domain), late])
    } finally {
      clearTimeout(timer)
    }
  }

  private async run(domain: string): Promise<CertificatePair> {
    const { crypto } = await loadLibrary()
    await this.reachAuthority()
    // An order that failed may have to do with the account: the next one looks again.
    const client = await (this.client ??= this.register().catch((error: unknown) => {
      this.client = undefined
      throw error
    }))
    const key = await crypto.createPrivateEcdsaKey()
    const [, csr] = await crypto.createCsr({ commonName: domain, altNames: [domain] }, key)
    const cert = await client.auto({
      csr,
      termsOfServiceAgreed: true,
      // The gateway may be reached by its name from outside alone.
      skipChallengeVerification: true,
      challengePriority: ['http-01'],
      challengeCreateFn: async (_authorization, challenge, answer) => {
        if (challenge.type !== 'http-01') throw new Error(`the authority offers no http-01 challenge for ${domain}`)
        await this.options.board.publish(challenge.token, answer)
      },
      challengeRemoveFn: async (_authorization, challenge) => this.options.board.withdraw(challenge.token),
    })
    return { cert, key: key.toString() }
  }

  /** The library tells of a connection that fails in words that nobody understands, and half a minute later. */
  private async reachAuthority(): Promise<void> {
    const { directory } = this.options.settings
    try {
      const response = await fetch(directory, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
      await response.body?.cancel()
      if (!response.ok) throw new Error(`status ${response.status}`)
    } catch (error) {
      const { message, cause } = error as Error
      const reason = cause instanceof Error ? cause.message : message
      throw new Error(`${directory} cannot be reached: ${reason}`, { cause: error })
    }
  }

  private async register(): Promise<Client> {
    const { settings, storage, pollMs } = this.options
    const acme = await loadLibrary()
    let key = await storage.readAccountKey()
    if (key === undefined) {
      key = (await acme.crypto.createPrivateEcdsaKey()).toString()
      // Before the account is made: a key that is lost takes the account with it.
      await storage.writeAccountKey(key)
    }
    const client = new acme.Client({
      directoryUrl: settings.directory,
      accountKey: key,
      ...(settings.externalAccount === undefined ? {} : { externalAccountBinding: settings.externalAccount }),
      ...(pollMs === undefined ? {} : { backoffMin: pollMs, backoffMax: pollMs }),
    })
    // A key that is registered already finds its account (RFC 8555 section 7.3.1).
    await client.createAccount({
      termsOfServiceAgreed: true,
      ...(settings.email === undefined ? {} : { contact: [`mailto:${settings.email}`] }),
    })
    return client
  }
}
