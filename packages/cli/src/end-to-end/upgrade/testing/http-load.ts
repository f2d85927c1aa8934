import { connect, type Socket } from 'node:net'

/** How long a response may take: longer is a failure, not a pause. */
const PATIENCE_MS = 15_000
/** Of so many connections one is closed after each request. */
const SHORT_LIVED = 8
const TICK_MS = 5
/** What could not be asked while the gateway was slow, as when another process starts on its core, is asked later, up to so many seconds' worth. */
const MAX_BEHIND_S = 3

export interface HttpLoadOptions {
  readonly port: number
  readonly connections: number
  /** Requests per second, asked evenly. */
  readonly rate: number
}

/** What the upstream answers to a request for a path: derived from it, so that a mixed up response is seen. */
export const bodyFor = (path: string): string => `<${path}>`.repeat(1 + (path.length % 5))

/**
 * Asks at a fixed rate over HTTP/1.1 connections, some kept alive and some made anew for each request, and compares each response with
 * what was asked. A connection that ends under a request, or is reset at any time, is a failure.
 */
export class HttpLoad {
  readonly failures: string[] = []
  answered = 0
  private readonly options: HttpLoadOptions
  private readonly connections: LoadConnection[]
  private readonly free: LoadConnection[] = []
  private readonly timer: NodeJS.Timeout
  private readonly startedAt = performance.now()
  private asked = 0
  private stoppedAt = 0

  constructor(options: HttpLoadOptions) {
    this.options = options
    this.connections = Array.from({ length: options.connections }, (_, at) => {
      const connection = new LoadConnection(options.port, at % SHORT_LIVED === 0, {
        answered: () => {
          this.answered++
          this.free.push(connection)
        },
        failed: (reason) => {
          this.failures.push(reason)
          this.free.push(connection)
        },
        reset: (reason) => void this.failures.push(reason),
      })
      return connection
    })
    this.free.push(...this.connections)
    this.timer = setInterval(() => this.tick(), TICK_MS)
  }

  /** Answers per second. */
  get rate(): number {
    const until = this.stoppedAt === 0 ? performance.now() : this.stoppedAt
    return (this.answered / (until - this.startedAt)) * 1000
  }

  /** Resolves when what was asked has been answered. */
  async stop(): Promise<void> {
    clearInterval(this.timer)
    this.stoppedAt = performance.now()
    await Promise.all(this.connections.map((connection) => connection.finish()))
  }

  private tick(): void {
    const due = Math.floor(((performance.now() - this.startedAt) * this.options.rate) / 1000)
    this.asked = Math.max(this.asked, due - MAX_BEHIND_S * this.options.rate)
    while (this.asked < due) {
      const connection = this.free.shift()
      if (connection === undefined) return
      connection.ask(`/h1/${this.asked++}`)
    }
  }
}

interface LoadEvents {
  answered(): void
  failed(reason: string): void
  reset(reason: string): void
}

class LoadConnection {
  private readonly port: number
  private readonly shortLived: boolean
  private readonly events: LoadEvents
  private socket: Socket | undefined
  private path: string | undefined
  private received = ''
  private askedAt = 0
  private onDone: (() => void) | undefined

  constructor(port: number, shortLived: boolean, events: LoadEvents) {
    this.port = port
    this.shortLived = shortLived
    this.events = events
  }

  ask(path: string): void {
    this.path = path
    this.askedAt = performance.now()
    this.socket ??= this.open()
    this.socket.write(`GET ${path} HTTP/1.1\r\nhost: load\r\n${this.shortLived ? 'connection: close\r\n' : ''}\r\n`)
  }

  finish(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(late)
        this.socket?.destroy()
        resolve()
      }
      const late = setTimeout(() => {
        this.fail(`${this.path} was not answered`)
        done()
      }, PATIENCE_MS)
      if (this.path === undefined) done()
      else this.onDone = done
    })
  }

  private open(): Socket {
    const socket = connect(this.port, '127.0.0.1')
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1')
      if (this.socket === socket) this.read(socket)
    })
    let error: NodeJS.ErrnoException | undefined
    socket.on('error', (cause) => (error = cause))
    socket.on('close', () => {
      if (this.socket !== socket) return
      this.socket = undefined
      const how = error === undefined ? 'was closed' : `failed (${error.code ?? error.message})`
      if (this.path !== undefined)
        this.fail(`the connection ${how} under ${this.path} after ${Math.round(performance.now() - this.askedAt)} ms`)
      else if (error !== undefined) this.events.reset(`an idle connection ${how}`)
    })
    return socket
  }

  private read(socket: Socket): void {
    const end = this.received.indexOf('\r\n\r\n')
    if (end === -1 || this.path === undefined) return
    const head = this.received.slice(0, end)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (this.received.length < end + 4 + length) return
    const body = this.received.slice(end + 4)
    const { path } = this
    this.received = ''
    if (/\r\nconnection: close/i.test(head)) {
      this.socket = undefined
      socket.end()
    }
    if (!head.startsWith('HTTP/1.1 200 ')) this.fail(`${path}: ${head.split('\r\n', 1)[0]}`)
    else if (body !== bodyFor(path)) this.fail(`${path}: got ${body.slice(0, 100)}`)
    else {
      this.path = undefined
      this.events.answered()
      this.onDone?.()
    }
  }

  private fail(reason: string): void {
    this.path = undefined
    this.received = ''
    this.socket?.destroy()
    this.socket = undefined
    this.events.failed(reason)
    this.onDone?.()
  }
}
