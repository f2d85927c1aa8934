import { exchange, type DnsServer } from './exchange.ts'
import type { DnsMessage, DnsRecord, QueryType } from './message.ts'

export interface DnsClientOptions {
  readonly servers: readonly DnsServer[]
  readonly timeoutMs: number
  /** How often all servers are gone through. */
  readonly attempts: number
}

/** Records of the type that was asked for, those behind CNAMEs included; none is an answer, too. */
export interface DnsAnswer<T extends QueryType = QueryType> {
  readonly records: readonly Extract<DnsRecord, { type: T }>[]
  /** Seconds: the least of all that led here, or of the SOA where there is nothing. */
  readonly ttl: number
  /** What the server added unasked: addresses of SRV targets. */
  readonly additional: readonly DnsRecord[]
}

/** Queries at a time; others wait for one of them. */
const MAX_IN_FLIGHT = 64
/** CNAMEs in a row. */
const MAX_CHAIN = 8
/** How long to believe that there is nothing, where no SOA says so. Seconds. */
const NEGATIVE_TTL = 5

const RCODES: Readonly<Record<number, string>> = { 1: 'FORMERR', 2: 'SERVFAIL', 5: 'REFUSED' }
const NXDOMAIN = 3
/** Servers that know nothing of SRV. */
const NOTIMP = 4

/** Asks name servers, the next one when one fails. */
export class DnsClient {
  private readonly options: DnsClientOptions
  private inFlight = 0
  private readonly waiting: (() => void)[] = []

  constructor(options: DnsClientOptions) {
    this.options = options
  }

  /** Rejects with words when no server gives an answer. */
  async lookup<T extends QueryType>(name: string, type: T): Promise<DnsAnswer<T>> {
    const { servers, attempts, timeoutMs } = this.options
    if (this.inFlight >= MAX_IN_FLIGHT) await new Promise<void>((resolve) => this.waiting.push(resolve))
    this.inFlight++
    try {
      let failure = new Error('there are no name servers')
      for (let attempt = 0; attempt < attempts; attempt++) {
        for (const server of servers) {
          try {
            return answerOf(await exchange(server, name, type, timeoutMs), name, type)
          } catch (error) {
            failure = error as Error
          }
        }
      }
      throw failure
    } finally {
      this.inFlight--
      this.waiting.shift()?.()
    }
  }
}

function answerOf<T extends QueryType>(message: DnsMessage, asked: string, type: T): DnsAnswer<T> {
  const { rcode, answers, authority, additional } = message
  if (rcode !== 0 && rcode !== NXDOMAIN && rcode !== NOTIMP)
    throw new Error(`the name server answers ${RCODES[rcode] ?? `code ${rcode}`} for ${type} of ${asked}`)
  let name = message.question.name
  let ttl = Number.POSITIVE_INFINITY
  for (let hops = 0; hops <= MAX_CHAIN; hops++) {
    const here = answers.filter((one) => one.type === type && one.name === name)
    const records = here as Extract<DnsRecord, { type: T }>[]
    if (here.length > 0) return { records, ttl: Math.min(ttl, ...here.map((one) => one.ttl)), additional }
    const alias = answers.find((one) => one.type === 'CNAME' && one.name === name)
    if (alias?.type !== 'CNAME') break
    ttl = Math.min(ttl, alias.ttl)
    name = alias.target
  }
  const soa = authority.find((one) => one.type === 'SOA')
  const negative = soa?.type === 'SOA' ? Math.min(soa.ttl, soa.minimum) : NEGATIVE_TTL
  return { records: [], ttl: Math.min(ttl, negative), additional: [] }
}
