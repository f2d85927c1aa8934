import { CHUNKED } from '../h1/request-head.ts'
import { SETTINGS_ENABLE_CONNECT_PROTOCOL } from '../h2/frames.ts'
import type { TransportError } from '../errors.ts'
import { H2ClientSide, type Asked } from './h2-client-side.ts'
import {
  data,
  frame,
  goAway,
  ping,
  preface,
  priority,
  reset,
  settings,
  settingsAck,
  windowUpdate,
} from './h2-frames.ts'
import { H2ServerSide } from './h2-server-side.ts'
import { RecordedResponse } from './client-side.ts'
import { SeededRandom } from './seeded-random.ts'
import { response, type RecordedRequest } from './server-side.ts'
import { settle } from './memory-socket.ts'

const HEADERS = 1
const CONTINUATION = 9
const END_STREAM = 1
const END_HEADERS = 4

const NAMES = [
  'x-a',
  'x-some-field',
  'cookie',
  'te',
  'content-length',
  'host',
  'expect',
  'grpc-timeout',
  'Bad',
  'upgrade',
  '',
]
const VALUES = [
  '',
  'b',
  'trailers',
  '5',
  'a.test',
  '100-continue',
  '10S',
  'v'.repeat(300),
  ' blank',
  'line\r\nend',
  '\0',
]

/** A literal without Huffman's code. @param first 0x40: kept in the table; 0x00: not; 0x10: never */
const literal = (name: string, value: string, first = 0x40): Buffer =>
  Buffer.concat([Buffer.of(first), text(name), text(value)])

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  const head =
    bytes.length < 127
      ? Buffer.of(bytes.length)
      : Buffer.of(127, ((bytes.length - 127) & 0x7f) | 0x80, (bytes.length - 127) >> 7)
  return Buffer.concat([head, bytes])
}

/** GET or POST, http, /, and `:authority: a.test`. */
const requestBlock = (post: boolean): Buffer =>
  Buffer.concat([Buffer.of(post ? 0x83 : 0x82, 0x86, 0x84), literal(':authority', 'a.test', 0)])

/** Bytes without a meaning. Pieces of it, as making them for each frame would take most of the time. */
const NOISE = ((): Buffer => {
  const random = new SeededRandom(1)
  return Buffer.from(Array.from({ length: 65_536 }, () => random.below(256)))
})()

/** What was wrong, with all that is needed to see it again. */
export class FuzzFailure extends Error {
  constructor(seed: number, side: string, what: unknown) {
    const reason = what instanceof Error ? (what.stack ?? what.message) : String(what)
    super(`conversation of seed ${seed} (${side}): ${reason}`)
  }
}

/**
 * Conversations of one connection, valid or mutated, with either side of ours. Each is made from a seed of its own and leaves nothing behind.
 *
 * What must hold: nothing throws; what we send is frames that RFC 9113 allows, in states that it allows; a valid conversation is never an
 * error of the connection; everybody is told the end of each request once; when the socket is gone nothing is left.
 */
export class H2Fuzzer {
  frames = 0
  conversations = 0
  requests = 0
  /** Conversations that ended in an error of the connection. */
  refused = 0
  private seed: number
  private random: SeededRandom

  constructor(seed: number) {
    this.seed = seed
    this.random = new SeededRandom(seed)
  }

  async run(): Promise<void> {
    const { seed } = this
    this.random = new SeededRandom(seed)
    const server = this.random.chance(0.6)
    try {
      await (server ? this.talkToServer() : this.talkToClient())
    } catch (error) {
      throw new FuzzFailure(seed, server ? 'server' : 'client', error)
    }
    this.conversations++
    this.seed = (seed + 1) >>> 0
  }

  // ---- our server -------------------------------------------------------------------------------

  private async talkToServer(): Promise<void> {
    const { random } = this
    const valid = random.chance(0.3)
    const judged = random.chance(0.2)
    const ended = new Set<RecordedRequest>()
    const side = new H2ServerSide((each) => this.handle(each, ended), {
      limits: { maxHeadBytes: valid ? 32_768 : random.pick([500, 32_768]), maxHeaderCount: random.pick([20, 128]) },
      h2: { streamWindow: random.pick([65_535, 262_144]), maxConcurrentStreams: valid ? 1_000 : random.pick([2, 128]) },
    })
    const { connection, handler } = side
    const frames = [Buffer.concat([preface, settings(...this.pairs(valid))]), ...this.clientFrames(valid)]
    const check = new SentFrames(judged ? side : undefined)
    await this.deliver(frames, valid, side, check)
    if (random.chance(0.2)) connection.drain()
    if (random.chance(0.3)) side.clock.pass(random.pick([10, 1_000, 61_000, 80_000]))
    check.take(await this.sent(side))
    if (valid && check.error > 0) throw new Error(`GOAWAY ${check.error} to a valid conversation`)
    if (check.error > 0) this.refused++
    await this.end(side)
    for (const each of handler.requests) {
      if (!ended.has(each) && each.lost === undefined) throw new Error('a request was neither answered nor lost')
      this.requests++
    }
    if (connection.streams.size > 0) throw new Error(`${connection.streams.size} streams are left`)
    if (handler.closed !== 1) throw new Error(`onClosed was called ${handler.closed} times`)
  }

  /** Answers at once, later in parts, after the body, or not at all. */
  private handle(each: RecordedRequest, ended: Set<RecordedRequest>): void {
    const { random } = this
    const { connection } = each
    const size = random.pick([0, 1, 50, 5_000, 70_000])
    const answer = (): void => {
      ended.add(each)
      each.respond(
        'b'.repeat(size),
        random.chance(0.5) ? { 'x-a': String(random.below(3)) } : {},
        random.pick([200, 204, 304, 404]),
      )
    }
    each.bodyGone = random.chance(0.7)
    const way = random.below(6)
    if (way === 0) answer()
    else if (way === 1) {
      each.onEnd = answer
      connection.readRequestBody()
    } else if (way === 2) {
      ended.add(each)
      connection.readRequestBody()
      connection.sendInformational(response(103, { link: '</a>' }))
      connection.sendHead(response(200))
      connection.sendBody(Buffer.alloc(size))
      each.onBody = () => void connection.sendBody(Buffer.alloc(10))
      each.onEnd = () => connection.endBody(random.chance(0.5) ? 'x-sum: 7\r\n' : '')
    } else if (way === 3) {
      ended.add(each)
      connection.sendHead(response(200))
      connection.sendBody(Buffer.alloc(size))
      if (random.chance(0.5)) connection.cut()
      else connection.endBody()
    } else if (way === 4) {
      each.onBody = () => {
        connection.pauseRequestBody()
        if (random.chance(0.5)) connection.resumeRequestBody()
      }
      connection.readRequestBody()
    }
    // Or nothing: it is lost with the connection.
  }

  private clientFrames(valid: boolean): Buffer[] {
    const { random } = this
    const frames: Buffer[] = []
    let next = 1
    const open: number[] = []
    for (let count = 3 + random.below(60); count > 0; count--) {
      const id = open.length > 0 && random.chance(0.9) ? random.pick(open) : 0
      const what = random.below(12)
      if (what < 4 || (id === 0 && what < 8)) {
        const post = random.chance(0.5)
        const block = Buffer.concat([requestBlock(post), ...this.moreFields(valid)])
        frames.push(...this.cut(next, block, !post))
        if (post) open.push(next)
        next += 2
      } else if (what < 7) {
        const end = random.chance(0.3)
        const content = Buffer.alloc(random.pick([0, 1, 10, 1_000]), 'b')
        frames.push(
          random.chance(0.2)
            ? frame(0, end ? 9 : 8, id, Buffer.concat([Buffer.of(3), content, Buffer.alloc(3)]))
            : data(id, content, end),
        )
        if (end) open.splice(open.indexOf(id), 1)
      } else if (what === 7) {
        frames.push(reset(id, random.below(14)))
        open.splice(open.indexOf(id), 1)
      } else if (what === 8 && id !== 0) {
        frames.push(...this.cut(id, literal('x-sum', '7'), true))
        open.splice(open.indexOf(id), 1)
      } else frames.push(this.controlFrame(id, valid))
    }
    return frames
  }

  // ---- our client -------------------------------------------------------------------------------

  private async talkToClient(): Promise<void> {
    const { random } = this
    const valid = random.chance(0.3)
    const side = new H2ClientSide({ h2: { streamWindow: random.pick([65_535, 262_144]) } })
    const { connection } = side
    connection.onConnected()
    const asked: (Asked & { given: boolean })[] = []
    for (let count = 1 + random.below(8); count > 0; count--) {
      const post = random.chance(0.4)
      const exchange = new RecordedOnce()
      const one = {
        ...side.ask({ method: post ? 'POST' : 'GET', bodyLength: post ? CHUNKED : 0, exchange }),
        given: false,
      }
      this.behave(one, post)
      asked.push(one)
    }
    const frames = [
      settings(...this.pairs(valid), [SETTINGS_ENABLE_CONNECT_PROTOCOL, 1]),
      ...this.serverFrames(valid, asked.length),
    ]
    const check = new SentFrames(random.chance(0.2) ? side : undefined)
    await this.deliver(frames, valid, side, check)
    for (const one of asked) {
      if (random.chance(0.5)) one.stream.resumeBody()
      if (!random.chance(0.1)) continue
      one.given = true
      one.stream.discard()
    }
    if (random.chance(0.3)) side.clock.pass(random.pick([10, 16_000, 61_000]))
    check.take(await this.sent(side))
    if (valid && check.error > 0) throw new Error(`GOAWAY ${check.error} to a valid conversation`)
    if (check.error > 0) this.refused++
    await this.end(side)
    for (const { exchange, stream, given } of asked) {
      exchange.onEach = undefined
      stream.resumeBody()
      if (exchange.ends > 1) throw new Error(`an end was told ${exchange.ends} times`)
      if (exchange.ends === 0 && !given) throw new Error('an end was never told')
      this.requests++
    }
    if (!connection.idle) throw new Error('streams are left')
    const closed = side.told.filter((each) => each === 'closed').length
    if (closed !== 1 || side.told.filter((each) => each === 'unusable').length !== 1) throw new Error(side.told.join())
  }

  private behave({ stream, exchange }: Asked, post: boolean): void {
    const { random } = this
    if (random.chance(0.3)) {
      exchange.onEach = () => {
        stream.pauseBody()
        if (random.chance(0.7)) stream.resumeBody()
      }
    }
    exchange.bodyGone = random.chance(0.7)
    if (!post) return
    stream.sendBody(Buffer.alloc(random.pick([1, 1_000, 100_000])))
    if (random.chance(0.7)) stream.endBody(random.chance(0.3) ? 'X-Sum: 7\r\n' : '')
  }

  private serverFrames(valid: boolean, streams: number): Buffer[] {
    const { random } = this
    const frames: Buffer[] = []
    const fresh = Array.from({ length: streams }, (_, at) => 1 + 2 * at)
    const open: number[] = []
    for (let count = 3 + random.below(60); count > 0; count--) {
      const id = open.length > 0 ? random.pick(open) : 0
      const what = random.below(10)
      if ((what < 3 || id === 0) && fresh.length > 0) {
        const begun = fresh.splice(random.below(fresh.length), 1)[0]
        if (random.chance(0.2)) frames.push(...this.cut(begun, literal(':status', '103', 0), false))
        const end = random.chance(0.2)
        frames.push(...this.cut(begun, Buffer.concat([Buffer.of(0x88), ...this.moreFields(valid, true)]), end))
        if (!end) open.push(begun)
      } else if (what < 7 && id !== 0) {
        const end = random.chance(0.3)
        frames.push(data(id, Buffer.alloc(random.pick([0, 1, 10, 1_000]), 'b'), end))
        if (end) open.splice(open.indexOf(id), 1)
      } else if (what === 7 && id !== 0) {
        frames.push(
          random.chance(0.5) ? reset(id, random.below(14)) : Buffer.concat(this.cut(id, literal('x-sum', '7'), true)),
        )
        open.splice(open.indexOf(id), 1)
      } else frames.push(this.controlFrame(id, valid))
    }
    if (random.chance(0.2)) frames.push(goAway(random.pick([0, 1, 3, 0x7fff_ffff])))
    return frames
  }

  // ---- what both sides say ------------------------------------------------------------------------

  private pairs(valid: boolean): (readonly [number, number])[] {
    const { random } = this
    const pairs: (readonly [number, number])[] = []
    if (random.chance(0.5)) pairs.push([1, random.pick([0, 100, 4_096, 65_536])])
    if (random.chance(0.3)) pairs.push([3, random.pick([1, 10, 1_000])])
    if (random.chance(0.5)) pairs.push([4, random.pick([0, 1, 100, 65_535, 1_000_000])])
    if (random.chance(0.3)) pairs.push([5, random.pick([16_384, 100_000])])
    if (!valid && random.chance(0.2)) pairs.push([random.below(10), random.below(0xffff_ffff)])
    return pairs
  }

  private controlFrame(id: number, valid: boolean): Buffer {
    const { random } = this
    const what = random.below(valid ? 6 : 9)
    if (what === 0) return ping()
    if (what === 1) return windowUpdate(random.chance(0.5) ? 0 : id, 1 + random.below(100_000))
    if (what === 2) return settings(...this.pairs(valid))
    if (what === 3) return settingsAck
    if (what === 4) return id === 0 ? ping('87654321', true) : priority(id)
    if (what === 5) return frame(20 + random.below(200), random.below(256), random.below(20), 'unknown')
    if (what === 6)
      return frame(
        random.below(12),
        random.below(256),
        random.below(20),
        Buffer.alloc(random.below(30), random.below(256)),
      )
    if (what === 7) return frame(HEADERS, random.below(256), random.below(20), this.noise(random.below(100)))
    return data(random.below(20), this.noise(random.below(20_000)), random.chance(0.5))
  }

  private moreFields(valid: boolean, answer = false): Buffer[] {
    const { random } = this
    return Array.from({ length: random.below(6) }, () => {
      // An index into the table that may have nothing there is an error of the connection.
      if (!valid && random.chance(0.1)) return Buffer.of(0x80 | random.below(128))
      if (random.chance(0.3)) return Buffer.of(0x80 | (answer ? 32 + random.below(6) : 53 + random.below(5)))
      const name = valid ? random.pick(NAMES.slice(0, 2)) : random.pick(NAMES)
      return literal(name, random.pick(valid ? VALUES.slice(0, 8) : VALUES), random.pick([0x00, 0x10, 0x40]))
    })
  }

  /** A block in one frame or several. */
  private cut(id: number, block: Buffer, end: boolean): Buffer[] {
    const { random } = this
    const flags = end ? END_STREAM : 0
    if (random.chance(0.8)) return [frame(HEADERS, END_HEADERS | flags, id, block)]
    const at = random.below(block.length)
    // In one piece of the list: nothing may come in between.
    return [
      Buffer.concat([
        frame(HEADERS, flags, id, block.subarray(0, at)),
        frame(CONTINUATION, END_HEADERS, id, block.subarray(at)),
      ]),
    ]
  }

  private noise(length: number): Buffer {
    return NOISE.subarray(this.random.below(NOISE.length - length)).subarray(0, length)
  }

  private mutated(frames: readonly Buffer[]): Buffer[] {
    const { random } = this
    const rate = random.pick([0.01, 0.05, 0.3])
    const out: Buffer[] = []
    for (const one of frames) {
      if (!random.chance(rate)) {
        out.push(one)
        continue
      }
      const copy = Buffer.from(one)
      const what = random.below(8)
      if (what === 0) copy[random.below(copy.length)] = random.below(256)
      else if (what === 1) copy[random.below(Math.min(9, copy.length))] = random.below(256)
      else if (what === 2) copy[4] = random.below(256)
      else if (what === 3) copy[3] = random.below(11)
      else if (what === 4) copy.writeUInt32BE(random.below(25), 5)
      if (what === 5) continue
      if (what === 6) out.push(copy)
      out.push(what === 7 ? copy.subarray(0, random.below(copy.length)) : copy)
      if (random.chance(0.05)) out.push(this.noise(random.below(40)))
    }
    return out
  }

  /** In reads of random sizes, with turns of the event loop, full sockets and time in between. */
  private async deliver(
    frames: readonly Buffer[],
    valid: boolean,
    side: H2ServerSide | H2ClientSide,
    check: SentFrames,
  ): Promise<void> {
    const { random } = this
    const { socket } = side
    this.frames += frames.length
    const bytes = Buffer.concat(valid ? frames : this.mutated(frames))
    const whole = random.chance(0.3)
    for (let at = 0; at < bytes.length;) {
      const size = whole ? bytes.length : 1 + random.below(random.pick([4, 40, 400, 4_000]))
      socket.receive(bytes.subarray(at, at + size))
      at += size
      if (random.chance(0.9)) continue
      if (random.chance(0.3)) socket.block()
      check.take(await this.sent(side))
      if (random.chance(0.7)) socket.unblock()
      if (random.chance(0.2)) side.clock.pass(random.below(2_000))
    }
    socket.unblock()
    check.take(await this.sent(side))
  }

  private async sent(side: H2ServerSide | H2ClientSide): Promise<string> {
    await settle()
    await settle()
    return side.socket.takeSent()
  }

  private async end(side: H2ServerSide | H2ClientSide): Promise<void> {
    if (this.random.chance(0.3)) {
      side.socket.receiveEnd()
      await settle()
    }
    side.socket.unblock()
    side.socket.destroy()
    await settle()
    await settle()
    if (side.clock.deadlines.size > 0) throw new Error('a time limit is left')
  }
}

/** Keeps no chunks: with ten million frames they would be all the memory. */
class RecordedOnce extends RecordedResponse {
  override onUpstreamError(error: TransportError): void {
    this.ends++
    this.error = error
  }
}

/** Looks at what we sent: whole frames, allowed sizes, and no stream that goes on after its end. */
class SentFrames {
  /** The code of the last GOAWAY. */
  error = 0
  private rest = ''
  private first = true
  private block = 0
  private readonly ended = new Set<number>()
  private readonly reset = new Set<number>()
  /** With it field blocks are decoded, too, by somebody else's HPACK: slow. */
  private readonly judge: H2ServerSide | H2ClientSide | undefined

  constructor(judge: H2ServerSide | H2ClientSide | undefined) {
    this.judge = judge
  }

  take(sent: string): void {
    let bytes = sent
    if (this.first && bytes.startsWith('PRI')) bytes = bytes.slice(24)
    if (bytes !== '') this.first = false
    this.judge?.parser.push(bytes)
    bytes = this.rest + bytes
    let at = 0
    while (bytes.length - at >= 9) {
      const number = (from: number, length: number): number => {
        let value = 0
        for (let each = 0; each < length; each++) value = value * 256 + bytes.charCodeAt(at + from + each)
        return value
      }
      const length = number(0, 3)
      if (bytes.length - at < 9 + length) break
      this.frame(number(3, 1), number(4, 1), number(5, 4), length, () => number(13, 4))
      at += 9 + length
    }
    this.rest = bytes.slice(at)
  }

  private frame(type: number, flags: number, id: number, length: number, code: () => number): void {
    if (length > 16_384) throw new Error(`a frame of ${length} bytes`)
    if (this.block !== 0 && (type !== CONTINUATION || id !== this.block))
      throw new Error('a field block is interrupted')
    if (type === 7) this.error = code()
    if (type === 3) this.reset.add(id)
    if (type !== 0 && type !== HEADERS && type !== CONTINUATION) return
    if (this.ended.has(id) && type !== CONTINUATION) throw new Error(`type ${type} after the end of stream ${id}`)
    if (this.reset.has(id)) throw new Error(`type ${type} after RST_STREAM of stream ${id}`)
    if (type !== 0) this.block = (flags & END_HEADERS) === 0 ? id : 0
    if (type !== CONTINUATION && (flags & END_STREAM) !== 0) this.ended.add(id)
  }
}
