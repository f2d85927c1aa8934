import type { PeerOptions } from '@sekisho/proxy'
import { ServiceClient, type ServiceAnswer } from '../../side-calls/index.ts'
import type { PluginContext } from '../context.ts'

/** A log sink says little; what it says beyond that nobody reads. */
const MAX_ANSWER_BYTES = 16 * 1_048_576
/** Batches of one place that are on their way at a time: a sink that takes 100 ms for 1,000 entries gets 40,000 a second of each worker. */
export const HTTP_CONCURRENCY = 4

export interface HttpEndpointsOptions {
  readonly plugin: string
  /** Base addresses of servers of one kind. */
  readonly addresses: readonly string[]
  readonly timeoutMs: number
  readonly verify: boolean
  readonly peer?: PeerOptions
  /** For the choice of the first server, from 0 to 1. */
  readonly random?: () => number
}

export interface EndpointRequest {
  /** Behind the address. */
  readonly path: string
  readonly method?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** Why an answer means that the entries were not taken. */
  readonly unusable: (answer: ServiceAnswer) => string | undefined
}

/** Servers of one kind: a batch goes to one of them at random, and to the others when that one does not take it. */
export class HttpEndpoints {
  private readonly client: ServiceClient
  private readonly addresses: readonly string[]
  private readonly random: () => number

  constructor(options: HttpEndpointsOptions, context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>) {
    this.addresses = options.addresses
    this.random = options.random ?? Math.random
    this.client = new ServiceClient(
      {
        plugin: options.plugin,
        timeoutMs: options.timeoutMs,
        maxAnswerBytes: MAX_ANSWER_BYTES,
        peer: { ...options.peer, tls: { verify: options.verify } },
        consequence: 'its entries wait, and are dropped when too many do or retries are used up',
      },
      context,
    )
  }

  /**
   * The first usable answer. Throws the failure of the server that was asked last.
   * @param request told the address, for what depends on the server
   */
  async call(request: (address: string) => EndpointRequest | Promise<EndpointRequest>): Promise<ServiceAnswer> {
    const { addresses } = this
    const first = Math.floor(this.random() * addresses.length)
    let failure: unknown
    for (let turn = 0; turn < addresses.length; turn++) {
      const address = addresses[(first + turn) % addresses.length]
      try {
        const { path, ...rest } = await request(address)
        return await this.client.call(address + path, rest)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }
}

/** For sinks that took the entries when they answer with a status below this. */
export const unlessBelow =
  (status: number) =>
  (answer: ServiceAnswer): string | undefined =>
    answer.status < status ? undefined : statusReason(answer)

/** A failure's status with the beginning of what the server says of it. */
export function statusReason({ status, text }: ServiceAnswer): string {
  const said = text.replace(/\s+/g, ' ').trim()
  return `it answers ${status}${said === '' ? '' : `: ${said.length > 200 ? `${said.slice(0, 200)}…` : said}`}`
}
