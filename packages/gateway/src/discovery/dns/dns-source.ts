import { readFile } from 'node:fs/promises'
import { parseNodeAddress } from '../../resources/node-address.ts'
import { BackOff, jittered } from '../back-off.ts'
import { Deadline } from '../deadline.ts'
import type { DiscoverySource, ServiceArgs, ServiceListener } from '../source.ts'
import { wait } from '../wait.ts'
import { DnsClient } from './dns-client.ts'
import { lookUp } from './dns-lookup.ts'
import { DNS_ORDER, type DnsSettings } from './dns-settings.ts'
import type { QueryType } from './message.ts'
import { parseResolvConf, type ResolvConf } from './resolv-conf.ts'

/** A TTL of 0 would ask without end; one of a day outlives the machine. Seconds. */
const MIN_TTL = 1
const MAX_TTL = 3_600
/** Who adds the first node of a service does not wait for hours. */
const MAX_NEGATIVE_TTL = 60
const DNS_PORT = 53
const DEFAULT_TIMEOUT_S = 2

/** Services by DNS, asked for again when their TTL is over: `NAME[:PORT]`, with SRV, A or AAAA records. */
export class DnsSource implements DiscoverySource {
  private readonly settings: DnsSettings
  private readonly stop = new AbortController()
  private client: DnsClient | undefined
  private conf: ResolvConf | undefined

  constructor(settings: DnsSettings) {
    this.settings = settings
  }

  async open(): Promise<void> {
    this.conf = await this.read()
    this.client = new DnsClient(this.conf)
  }

  watch(service: string, _args: ServiceArgs, listener: ServiceListener): () => void {
    const address = parseNodeAddress(service.replace(/\.(?=:|$)/, ''))
    if (typeof address === 'string') throw new Error(`its name is not of the form "NAME" or "NAME:PORT": ${address}`)
    const absolute = /\.(:\d+)?$/.test(service)
    const stop = new Deadline(this.stop.signal)
    void this.follow(absolute ? `${address.host}.` : address.host, address.port, listener, stop.signal)
    return () => stop.abort()
  }

  close(): Promise<void> {
    this.stop.abort()
    return Promise.resolve()
  }

  private async follow(
    name: string,
    port: number | undefined,
    listener: ServiceListener,
    signal: AbortSignal,
  ): Promise<void> {
    const [client, conf] = [this.client as DnsClient, this.conf as ResolvConf]
    const { order = DNS_ORDER } = this.settings
    const backOff = new BackOff()
    let last: QueryType | undefined
    while (!signal.aborted) {
      let waitMs: number
      try {
        const types = order.flatMap((type) => (type === 'last' ? (last ?? []) : type))
        const found = await lookUp(client, name, port, [...new Set(types)], conf)
        if (signal.aborted) return
        backOff.reset()
        last = found.type ?? last
        listener.found(found.nodes)
        const most = found.nodes.length === 0 ? MAX_NEGATIVE_TTL : MAX_TTL
        waitMs = jittered(Math.min(most, Math.max(MIN_TTL, found.ttl)) * 1_000)
      } catch (error) {
        if (signal.aborted) return
        listener.failed(error as Error)
        waitMs = backOff.next()
      }
      await wait(waitMs, signal)
    }
  }

  private async read(): Promise<ResolvConf> {
    const { servers, resolv_conf: file = '/etc/resolv.conf', timeout } = this.settings
    if (servers === undefined) {
      const text = await readFile(file, 'utf8').catch((error: Error) => {
        throw new Error(`the name servers cannot be read: ${error.message}`)
      })
      const conf = parseResolvConf(text)
      return timeout === undefined ? conf : { ...conf, timeoutMs: timeout * 1_000 }
    }
    const parsed = servers.map((server) => parseNodeAddress(server))
    return {
      servers: parsed.flatMap((one) => (typeof one === 'string' ? [] : { host: one.host, port: one.port ?? DNS_PORT })),
      // Names are whole where servers are written.
      search: [],
      ndots: 1,
      timeoutMs: (timeout ?? DEFAULT_TIMEOUT_S) * 1_000,
      attempts: 2,
    }
  }
}
