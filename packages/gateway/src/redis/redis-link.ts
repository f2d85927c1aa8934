import type { Counter, Gauge, WorkerMetrics } from '../observability/metrics/index.ts'
import { METRICS } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'
import { CallDeadlines } from './call-deadlines.ts'
import { PartCircuits } from './part-circuits.ts'
import { openRedis, type RedisConnection, type ScriptArguments } from './redis-connection.ts'
import type { RedisScript } from './redis-script.ts'
import { type RedisServer, serverName } from './redis-server.ts'

/** A script to run on a key. */
export interface RedisCall {
  readonly script: RedisScript
  readonly key: string
  /** Asked for when the call is sent, at the end of the turn: until then more may be added to it. */
  arguments(): ScriptArguments
  /**
   * Exactly once, within the time limit of the server; also of a call that was never sent. undefined: it is not known what Redis did, if
   * anything.
   */
  done(reply: unknown): void
}

/** Calls that wait for an answer or to be sent. Beyond it they are settled at once: 10,000 of them are some 5 MB. */
export const MAX_CALLS = 10_000

/** The first new attempt to connect comes soon, as Redis restarts in less; the last ones are a second apart. */
const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 1_000

/** Errors of single calls (out of memory, no permission) are logged once in this time, with their number. */
const ERROR_LOG_INTERVAL_MS = 10_000

/** What a server says when it is there and cannot serve: as good as away. */
const UNAVAILABLE = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNBLOCKED|MOVED|ASK)\b/

type Opener = (server: RedisServer) => Promise<RedisConnection>

/**
 * The way to one Redis, from one worker: one connection, on which all calls of a turn of the event loop leave together.
 *
 * While Redis is away calls are settled at once, without waiting: a request pays for a lost Redis at most once the time limit, that of the
 * call that found it out. In the background new connections are tried until one is ready. Of a cluster only the node is taken as away that
 * does not answer. It is logged when it goes and when it comes, and counted.
 */
export class RedisLink {
  readonly name: string
  private readonly server: RedisServer
  private readonly logger: PluginLogger
  private readonly open: Opener
  private readonly up: Gauge
  private readonly counts: { readonly [result in 'ok' | 'error' | 'timeout' | 'away']: Counter }
  private readonly deadlines: CallDeadlines
  private readonly circuits = new PartCircuits()
  private connection: RedisConnection | undefined
  /** Of this turn; while the first connection is made also of turns before. */
  private unsent: RedisCall[] = []
  private isFlushing = false
  private isConnecting = false
  private isClosed = false
  private isFirst = true
  private awaySince: number | undefined
  private retries = 0
  private retry: NodeJS.Timeout | undefined
  private errorsAt = Number.NEGATIVE_INFINITY
  private errors = 0

  constructor(server: RedisServer, metrics: WorkerMetrics, logger: PluginLogger, open: Opener = openRedis) {
    this.server = server
    this.name = serverName(server)
    this.logger = logger
    this.open = open
    const { name } = this
    this.up = metrics.gauge(METRICS.redisUp, { server: name })
    const counter = (result: string) => metrics.counter(METRICS.redisCalls, { server: name, result })
    this.counts = { ok: counter('ok'), error: counter('error'), timeout: counter('timeout'), away: counter('away') }
    this.deadlines = new CallDeadlines(server.timeoutMs, (call, part) => this.timedOut(call, part))
  }

  /** Whether a call that is made now is likely to be answered. */
  get isUp(): boolean {
    return this.connection !== undefined
  }

  /** Sends a call at the end of this turn. It is settled before this returns when Redis is away. */
  send(call: RedisCall): void {
    const isWaiting = this.connection === undefined && this.isFirst
    if ((this.connection === undefined && !isWaiting) || this.unsent.length + this.deadlines.size >= MAX_CALLS) {
      this.fail(call)
      return
    }
    this.unsent.push(call)
    // Not before it is needed: configurations are also looked at by who sends nothing (`sekisho explain`).
    if (isWaiting) this.connect()
    if (isWaiting || this.isFlushing) return
    this.isFlushing = true
    // After the sockets that are readable in this turn: one write for all of their requests.
    setImmediate(this.flush)
  }

  /** Settles what waits. */
  close(): void {
    this.isClosed = true
    clearTimeout(this.retry)
    this.disconnect()
    this.isFirst = false
    this.settleAll()
  }

  private readonly flush = (): void => {
    this.isFlushing = false
    const calls = this.unsent
    if (calls.length === 0) return
    this.unsent = []
    const { connection } = this
    if (connection === undefined) {
      for (const call of calls) this.fail(call)
      return
    }
    const nowMs = performance.now()
    if (calls.length > 1) connection.cork()
    for (const call of calls) this.write(connection, call, nowMs)
    if (calls.length > 1) connection.uncork()
  }

  private write(connection: RedisConnection, call: RedisCall, nowMs: number): void {
    const args = call.arguments()
    const part = connection.partOf(call.key)
    if (!this.circuits.lets(part, nowMs)) {
      this.fail(call)
      return
    }
    const deadline = this.deadlines.start(call, part, nowMs)
    const { script, key } = call
    const settle = (reply: unknown): void => {
      if (!this.deadlines.end(deadline)) return
      if (this.circuits.answered(part)) this.partIsBack(part)
      this.counts.ok.add(1)
      call.done(reply)
    }
    const refuse = (error: Error): void => {
      if (this.deadlines.end(deadline)) this.refused(call, part, error)
    }
    connection.evaluate('evalsha', script.sha1, key, args).then(settle, (error: Error) => {
      // A server that has not seen it yet, or has forgotten it: it gets the text once.
      if (!error.message.startsWith('NOSCRIPT')) refuse(error)
      else connection.evaluate('eval', script.text, key, args).then(settle, refuse)
    })
  }

  private fail(call: RedisCall): void {
    this.counts.away.add(1)
    call.done(undefined)
  }

  private refused(call: RedisCall, part: string, error: Error): void {
    this.counts.error.add(1)
    const isReply = error.name === 'ReplyError'
    if (isReply && !UNAVAILABLE.test(error.message)) this.logError(error)
    else this.partIsAway(part, error.message)
    call.done(undefined)
  }

  private timedOut(call: RedisCall, part: string): void {
    this.counts.timeout.add(1)
    this.partIsAway(part, `did not answer within ${this.server.timeoutMs} ms`)
    call.done(undefined)
  }

  private connect(): void {
    if (this.isConnecting || this.isClosed) return
    this.isConnecting = true
    this.open(this.server).then(
      (connection) => {
        this.isConnecting = false
        if (this.isClosed) connection.close()
        else this.connected(connection)
      },
      (error: Error) => {
        this.isConnecting = false
        if (!this.isClosed) this.away(error.message)
      },
    )
  }

  private connected(connection: RedisConnection): void {
    this.connection = connection
    connection.onLost((error) => {
      if (this.connection === connection) this.away(error.message)
    })
    this.isFirst = false
    this.retries = 0
    this.circuits.clear()
    this.up.set(1)
    if (this.awaySince !== undefined) {
      const seconds = Math.round((performance.now() - this.awaySince) / 100) / 10
      this.logger.info({ redis: this.name, seconds }, `Redis ${this.name} is back after ${seconds} s`)
      this.awaySince = undefined
    }
    this.flush()
  }

  /** Of a cluster one node; of the others everything, and a connection that does not answer is not used again. */
  private partIsAway(part: string, reason: string): void {
    if (this.connection === undefined) return
    if (part === '') this.away(reason)
    else if (this.circuits.failed(part, performance.now())) {
      this.up.set(0)
      for (const call of this.deadlines.endAll(part)) this.fail(call)
      this.logger.warn({ redis: this.name, node: part }, `Redis ${this.name}: ${part} is away: ${reason}`)
    }
  }

  private partIsBack(part: string): void {
    if (this.circuits.allLet) this.up.set(1)
    this.logger.info({ redis: this.name, node: part }, `Redis ${this.name}: ${part} is back`)
  }

  private away(reason: string): void {
    this.disconnect()
    this.isFirst = false
    if (this.awaySince === undefined) {
      this.awaySince = performance.now()
      this.logger.error({ redis: this.name }, `Redis ${this.name} is away: ${reason}`)
    }
    this.settleAll()
    clearTimeout(this.retry)
    const longestMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.retries++)
    // Half to whole: workers and nodes that lost it together do not come back together.
    this.retry = setTimeout(() => this.connect(), longestMs * (0.5 + Math.random() / 2)).unref()
  }

  private disconnect(): void {
    this.connection?.close()
    this.connection = undefined
    this.up.set(0)
  }

  private settleAll(): void {
    const calls = this.unsent
    this.unsent = []
    for (const call of calls) this.fail(call)
    for (const call of this.deadlines.endAll()) this.fail(call)
  }

  private logError(error: Error): void {
    this.errors++
    const nowMs = performance.now()
    if (nowMs - this.errorsAt < ERROR_LOG_INTERVAL_MS) return
    this.logger.error({ redis: this.name, calls: this.errors }, `Redis ${this.name} refused a call: ${error.message}`)
    this.errorsAt = nowMs
    this.errors = 0
  }
}
