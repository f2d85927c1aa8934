import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Bytes of one direction of a connection that may wait in a link; its sender is stopped then. */
const MAX_WAITING_BYTES = 262_144
/** A number between two tildes may be torn apart by reads: so much of the last one is looked at again. */
const TOKEN_LENGTH = 24

const LOOPBACK = '127.0.0.1'

/** Between what a link is. Hosts are the loopback interface unless given. */
export interface Target {
  readonly port: number
  readonly host?: string
  /** The host where the link itself listens. */
  readonly listen?: string
}

/** How a link is slower than it was: all of it holds for each direction of each connection. */
export interface Slowness {
  readonly delayMs: number
  /** 0 = as fast as it goes. */
  readonly bytesPerSecond: number
  /** Bytes are passed on in pieces of this size; 0 = as they come. */
  readonly pieceBytes: number
}

const NOT_SLOW: Slowness = { delayMs: 0, bytesPerSecond: 0, pieceBytes: 0 }

/** Why nothing came through, and when. */
export interface Outage {
  readonly how: string
  readonly from: number
  until: number
}

/** One connection through a link. */
export interface LinkedConnection {
  readonly link: FaultLink
  /** The port that its client has on this machine. */
  readonly clientPort: number
  /** What a fault did to it, and when. */
  broken: { readonly how: string; readonly at: number } | undefined
  /** When something came from the server last. */
  readonly heardAt: number
}

/** Is told of each request that passes, by its number: more than once for one in several pieces. */
export type Witness = (number: number, connection: LinkedConnection) => void

/** A network between a client and a server of this machine that can be slow, lose its memory, and be cut. */
export class FaultLink {
  readonly name: string
  readonly outages: Outage[] = []
  private readonly server: Server
  private readonly target: Target
  private readonly witness: Witness | undefined
  private readonly connections = new Set<Connection>()
  private port = 0
  private slowness = NOT_SLOW
  private silent: 'stalled' | 'half-open' | undefined
  /** Connections that faults broke. */
  private readonly breaks: { readonly clientPort: number; readonly at: number }[] = []

  private constructor(name: string, target: Target, witness: Witness | undefined) {
    this.name = name
    this.target = target
    this.witness = witness
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.join(near))
  }

  static async to(target: Target, name: string, witness?: Witness): Promise<FaultLink> {
    const link = new FaultLink(name, target, witness)
    link.server.listen(0, target.listen ?? LOOPBACK)
    await once(link.server, 'listening')
    link.port = (link.server.address() as AddressInfo).port
    return link
  }

  get address(): string {
    return `${this.target.listen ?? LOOPBACK}:${this.port}`
  }

  get listeningPort(): number {
    return this.port
  }

  slow(slowness: Partial<Slowness>): void {
    this.slowness = { ...NOT_SLOW, ...slowness }
    for (const connection of this.connections) connection.slow(this.slowness)
  }

  /** Each connection with this likelihood, by a RST to both sides. */
  reset(likelihood: number, next: () => number): void {
    for (const connection of this.connections) if (next() < likelihood) connection.break('reset')
  }

  /** Nothing passes, in either direction, until `heal`. `half-open`: and then connections of before have been forgotten. */
  silence(how: 'stalled' | 'half-open'): void {
    this.silent = how
    this.begin(how)
    for (const connection of this.connections) {
      if (how === 'half-open') connection.forget()
      connection.stall(true)
    }
  }

  heal(): void {
    this.slow(NOT_SLOW)
    if (this.silent === undefined) return
    this.silent = undefined
    this.end()
    for (const connection of this.connections) connection.stall(false)
  }

  /** Nobody listens at the other end any more: connections are refused, and those that there are end as the other end ended them. */
  refuse(): void {
    this.begin('dead')
    for (const connection of this.connections) connection.mark('its node died')
    this.server.close()
  }

  async accept(): Promise<void> {
    this.end()
    this.server.listen(this.port, this.target.listen ?? LOOPBACK)
    await once(this.server, 'listening')
  }

  begin(how: string): void {
    this.outages.push({ how, from: performance.now(), until: Infinity })
  }

  end(): void {
    const last = this.outages.at(-1)
    if (last !== undefined && last.until === Infinity) last.until = performance.now()
  }

  /** Whether a fault broke a connection within a time: that of this client, or any. */
  brokeOne(from: number, until: number, clientPort?: number): boolean {
    return this.breaks.some(
      (one) => one.at >= from && one.at <= until && (clientPort === undefined || one.clientPort === clientPort),
    )
  }

  broke({ clientPort }: LinkedConnection): void {
    this.breaks.push({ clientPort, at: performance.now() })
  }

  async close(): Promise<void> {
    const closed = this.server.listening ? once(this.server, 'close') : undefined
    this.server.close()
    for (const connection of this.connections) connection.drop()
    await closed
  }

  private join(near: Socket): void {
    const connection = new Connection(
      this,
      near,
      connect({ port: this.target.port, host: this.target.host ?? LOOPBACK, allowHalfOpen: true, noDelay: true }),
      {
        witness: this.witness,
        gone: () => this.connections.delete(connection),
      },
    )
    this.connections.add(connection)
    connection.slow(this.slowness)
    if (this.silent !== undefined) connection.stall(true)
  }
}

class Connection implements LinkedConnection {
  readonly link: FaultLink
  readonly clientPort: number
  broken: LinkedConnection['broken']
  heardAt = -Infinity
  private readonly up: Pipe
  private readonly down: Pipe
  private readonly near: Socket
  private readonly far: Socket
  private forgotten = false

  constructor(link: FaultLink, near: Socket, far: Socket, to: { witness: Witness | undefined; gone: () => void }) {
    this.link = link
    this.near = near
    this.far = far
    this.clientPort = near.remotePort ?? 0
    this.up = new Pipe(near, far, to.witness && ((number) => to.witness?.(number, this)))
    this.down = new Pipe(far, near, undefined)
    far.on('data', () => (this.heardAt = performance.now()))
    let open = 2
    for (const [socket, other, pipe] of [[near, far, this.up] as const, [far, near, this.down] as const]) {
      let failed = false
      socket.on('error', () => (failed = true))
      socket.on('close', () => {
        if (failed) other.resetAndDestroy()
        else pipe.finish()
        if (--open === 0) to.gone()
      })
    }
  }

  slow(slowness: Slowness): void {
    this.up.slow(slowness)
    this.down.slow(slowness)
  }

  stall(stalled: boolean): void {
    // A middlebox that has forgotten a connection answers what it hears of it by a RST.
    if (!stalled && this.forgotten) return this.break('half-open')
    this.up.stall(stalled)
    this.down.stall(stalled)
  }

  forget(): void {
    this.forgotten = true
    this.mark('half-open')
  }

  break(how: string): void {
    this.mark(how)
    this.near.resetAndDestroy()
    this.far.resetAndDestroy()
  }

  drop(): void {
    this.near.destroy()
    this.far.destroy()
  }

  /** From here on what is lost on it is no fault of the gateway. */
  mark(how: string): void {
    this.broken ??= { how, at: performance.now() }
    this.link.broke(this)
  }
}

/** One direction of a connection. */
class Pipe {
  private readonly from: Socket
  private readonly to: Socket
  private readonly seen: ((number: number) => void) | undefined
  private readonly waiting: { bytes: Buffer; due: number }[] = []
  private waitingBytes = 0
  private slowness = NOT_SLOW
  private stalled = false
  private ended = false
  private blocked = false
  private timer: NodeJS.Timeout | undefined
  private tail = ''

  constructor(from: Socket, to: Socket, seen: ((number: number) => void) | undefined) {
    this.from = from
    this.to = to
    this.seen = seen
    from.on('data', (bytes: Buffer) => this.take(bytes))
    from.on('end', () => {
      this.ended = true
      this.pump()
    })
    to.on('drain', () => {
      this.blocked = false
      this.pump()
    })
    to.on('close', () => clearTimeout(this.timer))
  }

  slow(slowness: Slowness): void {
    this.slowness = slowness
    this.pump()
  }

  stall(stalled: boolean): void {
    this.stalled = stalled
    if (!stalled) this.pump()
  }

  /** Its sender is gone: what waits is still passed on. */
  finish(): void {
    this.ended = true
    this.pump()
  }

  private take(bytes: Buffer): void {
    this.look(bytes)
    this.waiting.push({ bytes: Buffer.from(bytes), due: performance.now() + this.slowness.delayMs })
    this.waitingBytes += bytes.length
    if (this.waitingBytes > MAX_WAITING_BYTES) this.from.pause()
    this.pump()
  }

  private look(bytes: Buffer): void {
    if (this.seen === undefined) return
    const text = this.tail + bytes.toString('latin1')
    if (text.includes('~')) for (const [, number] of text.matchAll(/~(\d{1,9})~/g)) this.seen(Number(number))
    this.tail = text.slice(-TOKEN_LENGTH)
  }

  private pump(): void {
    clearTimeout(this.timer)
    if (this.stalled || this.to.destroyed) return
    const { bytesPerSecond, pieceBytes } = this.slowness
    for (let first = this.waiting[0]; first !== undefined && !this.blocked; first = this.waiting[0]) {
      const waitMs = first.due - performance.now()
      if (waitMs > 0) return this.again(waitMs)
      // A piece for each turn of the event loop, or for each 10 ms of a narrow link.
      const most = bytesPerSecond > 0 ? Math.max(1, bytesPerSecond / 100) : pieceBytes > 0 ? pieceBytes : Infinity
      const piece = first.bytes.length <= most ? first.bytes : first.bytes.subarray(0, most)
      if (piece.length === first.bytes.length) this.waiting.shift()
      else first.bytes = first.bytes.subarray(piece.length)
      this.waitingBytes -= piece.length
      if (!this.to.write(piece)) this.blocked = true
      if (bytesPerSecond > 0) return this.again(10)
      if (pieceBytes > 0) return this.again(1)
    }
    if (this.waitingBytes <= MAX_WAITING_BYTES) this.from.resume()
    if (this.waiting.length > 0) return
    if (this.from.destroyed) this.to.destroySoon()
    else if (this.ended) this.to.end()
  }

  private again(delayMs: number): void {
    this.timer = setTimeout(() => this.pump(), delayMs)
  }
}
