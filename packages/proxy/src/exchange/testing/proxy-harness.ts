import { httpProxy, type HttpProxy, type HttpProxyOptions } from '../../http-proxy.ts'
import { peer } from '../../peers/peer.ts'
import type { ProxyPhases } from '../../phases/phases.ts'
import type { ProxyError } from '../../proxy-error.ts'
import type { ServingListener } from '../../server/application.ts'
import type { Session } from '../../session.ts'
import type { Exchange } from '../exchange.ts'
import type { ProxyLogger } from '../options.ts'
import { RawClient } from './raw-client.ts'
import { releaseLater } from './resources.ts'

export interface LogEntry {
  readonly level: 'error' | 'warn' | 'info'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** One exchange that is over. */
export interface Ended {
  readonly session: Session<unknown>
  readonly error: ProxyError | undefined
}

/** A proxy on a port of its own, with its log and its finished exchanges. */
export class ProxyUnderTest<Ctx> {
  readonly proxy: HttpProxy<Ctx>
  readonly listener: ServingListener
  readonly log: LogEntry[]
  readonly ends: Ended[]
  private readonly ended: { wake: (() => void) | undefined }

  constructor(
    proxy: HttpProxy<Ctx>,
    listener: ServingListener,
    log: LogEntry[],
    ends: Ended[],
    ended: { wake: (() => void) | undefined },
  ) {
    this.proxy = proxy
    this.listener = listener
    this.log = log
    this.ends = ends
    this.ended = ended
  }

  get port(): number {
    const { address } = this.listener
    return typeof address === 'string' ? 0 : address.port
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.port)
  }

  /** The `number`th exchange that ended (from 1), once it has. */
  async end(number = 1): Promise<Ended> {
    while (this.ends.length < number) await new Promise<void>((resolve) => (this.ended.wake = resolve))
    return this.ends[number - 1]
  }

  messages(level: LogEntry['level']): string[] {
    return this.log.filter((entry) => entry.level === level).map((entry) => entry.message)
  }
}

export async function startProxy<Ctx = undefined>(
  phases: ProxyPhases<Ctx>,
  options: HttpProxyOptions = {},
): Promise<ProxyUnderTest<Ctx>> {
  const log: LogEntry[] = []
  const ends: Ended[] = []
  const ended: { wake: (() => void) | undefined } = { wake: undefined }
  const write =
    (level: LogEntry['level']) =>
    (fields: object, message: string): void =>
      void log.push({ level, fields: fields as LogEntry['fields'], message })
  const logger: ProxyLogger = { error: write('error'), warn: write('warn'), info: write('info') }
  const logging: ProxyPhases<Ctx>['logging'] = (session, error) => {
    ends.push({ session: session, error })
    try {
      phases.logging?.(session, error)
    } finally {
      ended.wake?.()
    }
  }
  const proxy = httpProxy<Ctx>({ ...phases, logging }, { logger, ...options })
  const listener = await proxy.serve({ host: '127.0.0.1', port: 0 })
  releaseLater(async () => {
    listener.stopAccepting()
    await listener.drain(0)
    proxy.runtime.pools.closeIdle()
  })
  return new ProxyUnderTest(proxy, listener, log, ends, ended)
}

/** A proxy to one address and nothing else. */
export const startProxyTo = (
  address: string,
  phases: Partial<ProxyPhases<undefined>> = {},
  options: HttpProxyOptions = {},
): Promise<ProxyUnderTest<undefined>> => startProxy({ upstreamPeer: () => peer(address), ...phases }, options)

/** The machine behind a session, for what only a test wants to see. */
export const exchangeOf = (session: Session<never> | Session<unknown>): Exchange<unknown> =>
  session as unknown as Exchange<unknown>
