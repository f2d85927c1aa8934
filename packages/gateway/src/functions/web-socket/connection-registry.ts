import { randomBytes } from 'node:crypto'
import { BroadcastChannel } from 'node:worker_threads'

/** What `@connections` says of a connection. */
export interface ConnectionState {
  /** ISO 8601. */
  readonly connectedAt: string
  readonly lastActiveAt: string
  readonly identity: { readonly sourceIp: string; readonly userAgent: string }
}

/** A connection that this thread holds. */
export interface HeldConnection {
  readonly routeId: string
  readonly stage: string
  state(): ConnectionState
  /** @returns false: too much waits for it */
  post(data: Buffer): boolean
  disconnect(): void
}

export type ConnectionOperation = 'post' | 'get' | 'delete'

/** Whose connections may be reached. */
export interface ConnectionScope {
  readonly stage: string
  /** undefined: those of every route. */
  readonly routeId: string | undefined
}

/** Done; the state that was asked for; nobody has that connection; it does not take more. */
export type ConnectionResult = 'done' | 'gone' | 'limit' | ConnectionState

interface Request {
  readonly kind: 'request'
  readonly to: string
  readonly from: string
  readonly number: number
  readonly id: string
  readonly operation: ConnectionOperation
  readonly scope: ConnectionScope
  readonly data: Uint8Array | undefined
}
interface Reply {
  readonly kind: 'reply'
  readonly to: string
  readonly number: number
  readonly result: ConnectionResult
}

/** Bytes of an id: which thread holds the connection, and what nobody can guess. Written as URLs take them, with one `=`. */
const OWNER_BYTES = 4
const SECRET_BYTES = 10
const ID = /^[A-Za-z0-9_-]{19}=$/
/** Milliseconds for another thread to answer; one that has died never does. */
const REPLY_TIMEOUT_MS = 2_000
/** Questions to other threads that wait for an answer. */
const MAX_ASKED = 10_000

/**
 * The WebSocket connections of one thread, and the way to those of the other threads of the process. Each id begins with the name of the thread that holds
 * it; a question goes over a `BroadcastChannel`, and that thread alone answers. A connection ends with its thread, so that there is nothing to be
 * kept in step: who is not there does not answer.
 */
export class ConnectionRegistry {
  private readonly own = randomBytes(OWNER_BYTES)
  private readonly name = this.own.toString('hex')
  private readonly held = new Map<string, HeldConnection>()
  private readonly asked = new Map<number, (result: ConnectionResult) => void>()
  private channel: BroadcastChannel | undefined = undefined
  private users = 0
  private number = 0

  /** Connections that this thread holds. */
  get size(): number {
    return this.held.size
  }

  /** Somebody needs it: from the first one on it listens, behind the last it stops. */
  open(): () => void {
    if (this.users++ === 0) {
      this.channel = new BroadcastChannel('sekisho-web-socket-connections')
      this.channel.onmessage = (event) => this.receive((event as { data: Request | Reply }).data)
      ;(this.channel as unknown as { unref(): void }).unref()
    }
    let done = false
    return () => {
      if (done) return
      done = true
      if (--this.users > 0) return
      this.channel?.close()
      this.channel = undefined
    }
  }

  newId(): string {
    return `${Buffer.concat([this.own, randomBytes(SECRET_BYTES)]).toString('base64url')}=`
  }
  add(id: string, connection: HeldConnection): void {
    this.held.set(id, connection)
  }
  remove(id: string): void {
    this.held.delete(id)
  }

  /** Resolves with what became of it; ids that are none are `gone`. */
  async ask(
    id: string,
    operation: ConnectionOperation,
    scope: ConnectionScope,
    data?: Uint8Array,
  ): Promise<ConnectionResult> {
    if (!ID.test(id)) return 'gone'
    const to = Buffer.from(id, 'base64url').subarray(0, OWNER_BYTES).toString('hex')
    if (to === this.name) return this.act(id, operation, scope, data)
    const { channel } = this
    if (channel === undefined) return 'gone'
    if (this.asked.size >= MAX_ASKED) return 'limit'
    const number = ++this.number
    return new Promise((resolve) => {
      const finish = (result: ConnectionResult): void => {
        clearTimeout(timer)
        this.asked.delete(number)
        resolve(result)
      }
      const timer = setTimeout(() => finish('gone'), REPLY_TIMEOUT_MS)
      this.asked.set(number, finish)
      const request: Request = { kind: 'request', to, from: this.name, number, id, operation, scope, data }
      channel.postMessage(request)
    })
  }

  private receive(message: Request | Reply): void {
    if (message.to !== this.name) return
    if (message.kind === 'reply') {
      this.asked.get(message.number)?.(message.result)
      return
    }
    const { from, number, id, operation, scope, data } = message
    const result = this.act(id, operation, scope, data)
    const reply: Reply = { kind: 'reply', to: from, number, result }
    this.channel?.postMessage(reply)
  }

  private act(
    id: string,
    operation: ConnectionOperation,
    { stage, routeId }: ConnectionScope,
    data: Uint8Array | undefined,
  ): ConnectionResult {
    const connection = this.held.get(id)
    if (connection === undefined || connection.stage !== stage) return 'gone'
    if (routeId !== undefined && connection.routeId !== routeId) return 'gone'
    if (operation === 'get') return connection.state()
    if (operation === 'post') return connection.post(Buffer.from(data ?? [])) ? 'done' : 'limit'
    connection.disconnect()
    return 'done'
  }
}

/** That of this thread. */
export const connections = new ConnectionRegistry()
