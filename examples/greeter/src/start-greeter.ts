import { setTimeout as sleep } from 'node:timers/promises'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { logCalls } from './calls/log-calls.ts'
import { CallMetrics } from './calls/metrics.ts'
import { observeCalls } from './calls/observe.ts'
import { startTracing, type Tracing } from './calls/tracing.ts'
import { greeter } from './greeter.ts'
import { Health } from './health.ts'
import { type HttpServer, listenHttp } from './http/listen.ts'
import { metricsPage } from './http/metrics-page.ts'
import { createLog, type Log } from './log.ts'
import { describedPackages, greeterDefinition } from './proto.ts'
import { webPage } from './web/page-server.ts'

export interface GreeterOptions {
  /** Left out: 127.0.0.1. */
  readonly host?: string
  /** Of gRPC. Left out, or 0: any free one. */
  readonly port?: number
  /** Of `/metrics`; 0 is any free one, and undefined is none. */
  readonly metricsPort?: number | undefined
  /** Of the web page; 0 is any free one, and undefined is none. */
  readonly webPort?: number | undefined
  /** Base URL of an OTLP collector; undefined: no spans, and OpenTelemetry is not loaded. */
  readonly otlpEndpoint?: string | undefined
  /** How long it serves on after health said NOT_SERVING, for load balancers that ask now and then. Left out: 0. */
  readonly stopDelayMs?: number
  /** How long calls may take to end after that. Left out: 10,000. */
  readonly drainLimitMs?: number
  readonly log?: Log
}

export interface RunningGreeter {
  readonly port: number
  readonly metricsPort: number | undefined
  readonly webPort: number | undefined
  /** Resolves when everything has ended: true when the calls in flight did so by themselves. */
  stop(): Promise<boolean>
  /** Breaks calls in flight off, and cuts the waiting of `stop` short. */
  abort(): void
}

const DRAIN_LIMIT_MS = 10_000

/** Rejects when a port cannot be listened on. */
export async function startGreeter(options: GreeterOptions = {}): Promise<RunningGreeter> {
  const { host = '127.0.0.1', otlpEndpoint } = options
  const log = options.log ?? createLog('off', () => undefined)
  const metrics = new CallMetrics()
  const health = new Health()
  const opened: HttpServer[] = []
  let tracing: Tracing | undefined
  const open = async (port: number | undefined, listener: Parameters<typeof listenHttp>[2]) => {
    if (port === undefined) return undefined
    const server = await listenHttp(host, port, listener)
    opened.push(server)
    return server.port
  }
  const closeRest = (): Promise<unknown> => Promise.all([...opened.map((server) => server.close()), tracing?.stop()])

  try {
    const metricsPort = await open(options.metricsPort, metricsPage(metrics.registry))
    const webPort = await open(options.webPort, webPage())
    if (otlpEndpoint !== undefined) tracing = await startTracing(otlpEndpoint)

    const observers = [metrics.observe, logCalls(log), ...(tracing === undefined ? [] : [tracing.observe])]
    const server = new Server({ interceptors: [observeCalls(observers), health.intercept] })
    server.addService(greeterDefinition, greeter)
    health.addTo(server)
    // Both v1 and v1alpha: older tools know the latter only.
    new ReflectionService(describedPackages).addToServer(server)
    const port = await bind(server, host, options.port ?? 0)
    log.info('listening', { host, port, metricsPort, webPort })

    const aborted = new AbortController()
    const stop = async (): Promise<boolean> => {
      log.info('stopping')
      health.notServing()
      await sleep(options.stopDelayMs ?? 0, undefined, { signal: aborted.signal }).catch(() => undefined)
      health.endWatches()
      const drained = await drain(server, options.drainLimitMs ?? DRAIN_LIMIT_MS)
      if (!drained) log.warn('calls were still in flight, and are broken off')
      await closeRest().catch((error: unknown) => log.warn('the last spans were not sent', { reason: String(error) }))
      log.info('stopped')
      return drained
    }
    let stopping: Promise<boolean> | undefined
    const abort = (): void => {
      aborted.abort()
      server.forceShutdown()
    }
    return { port, metricsPort, webPort, stop: () => (stopping ??= stop()), abort }
  } catch (error) {
    await closeRest()
    throw error
  }
}

function bind(server: Server, host: string, port: number): Promise<number> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound)
      else reject(error)
    })
  })
}

/** Refuses connections, and waits for the calls in flight. False: some were broken off. */
function drain(server: Server, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let drained = true
    const limit = setTimeout(() => {
      drained = false
      server.forceShutdown()
    }, limitMs)
    server.tryShutdown(() => {
      clearTimeout(limit)
      resolve(drained)
    })
  })
}
