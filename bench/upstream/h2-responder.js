import {
  FRAME_HEAD_BYTES,
  Flag,
  MAX_FRAME_BYTES,
  PREFACE,
  Setting,
  TABLE_SIZE_0,
  Type,
  frame,
  settingsFrame,
  writeFrameHead,
} from './h2-frames.js'

/** What everybody's windows are until they say otherwise, and an encoder's table (RFC 9113 section 6.5.2). */
const DEFAULT_WINDOW = 65_535
const DEFAULT_TABLE = 4_096

const LARGEST_WINDOW = 2 ** 31 - 1

/** What a stream may send before it hears from us, and all of them together: no request here comes near it. */
const RECEIVE_WINDOW = 1 << 20
const CONNECTION_RECEIVE_WINDOW = 1 << 24

const MAX_STREAMS = 1_024

/** More unsent than this waits for the socket to drain. */
const MAX_UNSENT_BYTES = 1 << 20

const NOTHING = Buffer.alloc(0)

/**
 * @typedef {object} Answer
 * @property {Buffer} head field block
 * @property {Buffer} body
 * @property {Buffer} [trailers] field block
 *
 * @typedef {object} Stream
 * @property {number} window what it may send
 * @property {number} sent of the body; -1: the request is not complete
 */

/**
 * The server's side of an HTTP/2 connection that gives the same answer to every request. Header blocks are not decoded, as nothing
 * depends on them, and its own need no dynamic table; everything else is kept to: SETTINGS, PING, both windows, CONTINUATION,
 * RST_STREAM. All frames that a read leads to leave in one write.
 */
export class H2Responder {
  #socket
  #answer
  /** HEADERS, DATA and trailers in a row, for answers that fit into one frame and the windows. */
  #whole
  /** Where stream identifiers stand in it. */
  #idPlaces
  /** @type {Buffer} */
  #pending = NOTHING
  #greeted = false
  /** @type {Map<number, Stream>} */
  #streams = new Map()
  /** Streams whose body waits for a window or for the socket, the longest waiting first. @type {Set<number>} */
  #waiting = new Set()
  #lastStream = 0
  #initialWindow = DEFAULT_WINDOW
  #window = DEFAULT_WINDOW
  #received = 0
  /** Stream whose header block goes on in CONTINUATION frames. */
  #continued = 0
  #continuedEnds = false
  /** @type {Buffer[]} */
  #out = []
  #tableTold = false
  #tableShrunk = false

  /**
   * @param {import('node:net').Socket} socket
   * @param {Answer} answer
   */
  constructor(socket, answer) {
    this.#socket = socket
    this.#answer = answer
    const { bytes, places } = wholeAnswer(answer)
    this.#whole = bytes
    this.#idPlaces = places
    const settings = settingsFrame([
      [Setting.MAX_CONCURRENT_STREAMS, MAX_STREAMS],
      [Setting.INITIAL_WINDOW_SIZE, RECEIVE_WINDOW],
    ])
    this.#out.push(settings, windowUpdate(0, CONNECTION_RECEIVE_WINDOW - DEFAULT_WINDOW))
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('drain', () => this.#flush())
    socket.on('error', () => {})
    this.#flush()
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    let at = 0
    if (!this.#greeted) {
      if (bytes.length < PREFACE.length) return void (this.#pending = bytes)
      if (!bytes.subarray(0, PREFACE.length).equals(PREFACE)) return void this.#socket.destroy()
      this.#greeted = true
      at = PREFACE.length
    }
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const length = bytes.readUIntBE(at, 3)
      if (length > MAX_FRAME_BYTES) return void this.#socket.destroy()
      if (bytes.length - at < FRAME_HEAD_BYTES + length) break
      const payload = at + FRAME_HEAD_BYTES
      if (!this.#frame(bytes, payload, length, bytes[at + 3], bytes[at + 4], bytes.readUInt32BE(at + 5) & 0x7fffffff)) {
        return void this.#socket.destroy()
      }
      at = payload + length
    }
    this.#pending = bytes.subarray(at)
    this.#flush()
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at the payload
   * @param {number} length
   * @param {number} type
   * @param {number} flags
   * @param {number} id
   * @returns {boolean} false: the peer broke the protocol
   */
  #frame(bytes, at, length, type, flags, id) {
    if (this.#continued !== 0 && (type !== Type.CONTINUATION || id !== this.#continued)) return false
    switch (type) {
      case Type.DATA:
        return this.#data(id, length, (flags & Flag.END_STREAM) !== 0)
      case Type.HEADERS:
        return this.#headers(id, (flags & Flag.END_STREAM) !== 0, (flags & Flag.END_HEADERS) !== 0)
      case Type.CONTINUATION:
        if (this.#continued === 0) return false
        if ((flags & Flag.END_HEADERS) !== 0) {
          this.#continued = 0
          if (this.#continuedEnds) this.#complete(id)
        }
        return true
      case Type.RST_STREAM:
        this.#streams.delete(id)
        this.#waiting.delete(id)
        return id !== 0 && length === 4
      case Type.SETTINGS:
        return id === 0 && this.#settings(bytes, at, length, (flags & Flag.ACK) !== 0)
      case Type.PING:
        if (id !== 0 || length !== 8) return false
        if ((flags & Flag.ACK) === 0) this.#out.push(frame(Type.PING, Flag.ACK, 0, bytes.subarray(at, at + length)))
        return true
      case Type.WINDOW_UPDATE:
        return length === 4 && this.#windowUpdate(id, bytes.readUInt32BE(at) & 0x7fffffff)
      default:
        return type !== Type.PUSH_PROMISE
    }
  }

  /**
   * @param {number} id
   * @param {boolean} last
   * @param {boolean} whole
   */
  #headers(id, last, whole) {
    const trailers = this.#streams.has(id)
    if (!trailers) {
      if (id % 2 === 0 || id <= this.#lastStream || this.#streams.size >= MAX_STREAMS) return false
      this.#lastStream = id
      this.#streams.set(id, { window: this.#initialWindow, sent: -1 })
    } else if (!last) return false
    if (!whole) {
      this.#continued = id
      this.#continuedEnds = last
    } else if (last) this.#complete(id)
    return true
  }

  /**
   * @param {number} id
   * @param {number} length padding included: that counts as well
   * @param {boolean} last
   */
  #data(id, length, last) {
    if (id === 0 || id > this.#lastStream) return false
    this.#received += length
    if (this.#received >= CONNECTION_RECEIVE_WINDOW / 2) {
      this.#out.push(windowUpdate(0, this.#received))
      this.#received = 0
    }
    if (!this.#streams.has(id)) return true // reset meanwhile
    if (last) this.#complete(id)
    else if (length > 0) this.#out.push(windowUpdate(id, length))
    return true
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   * @param {number} length
   * @param {boolean} acknowledged
   */
  #settings(bytes, at, length, acknowledged) {
    if (acknowledged) return length === 0
    if (length % 6 !== 0) return false
    for (let entry = at; entry < at + length; entry += 6) {
      const value = bytes.readUInt32BE(entry + 2)
      const name = bytes.readUInt16BE(entry)
      if (name === Setting.INITIAL_WINDOW_SIZE) {
        if (value > LARGEST_WINDOW) return false
        for (const stream of this.#streams.values()) stream.window += value - this.#initialWindow
        this.#initialWindow = value
      } else if (name === Setting.HEADER_TABLE_SIZE && value < DEFAULT_TABLE) this.#tableShrunk = true
    }
    this.#out.push(frame(Type.SETTINGS, Flag.ACK, 0, NOTHING))
    return true
  }

  /**
   * @param {number} id
   * @param {number} increment
   */
  #windowUpdate(id, increment) {
    if (increment === 0) return false
    if (id === 0) this.#window += increment
    else {
      const stream = this.#streams.get(id)
      if (stream !== undefined) stream.window += increment
    }
    return this.#window <= LARGEST_WINDOW
  }

  /** A request has ended. @param {number} id */
  #complete(id) {
    const stream = this.#streams.get(id)
    if (stream === undefined || stream.sent >= 0) return
    stream.sent = 0
    const { length } = this.#answer.body
    const whole = this.#whole
    if (whole !== undefined && this.#waiting.size === 0 && this.#window >= length && stream.window >= length) {
      this.#window -= length
      this.#streams.delete(id)
      if (this.#tableShrunk && !this.#tableTold) this.#out.push(...this.#firstBlock(id))
      else {
        const copy = Buffer.from(whole)
        for (const place of this.#idPlaces) copy.writeUInt32BE(id, place)
        this.#out.push(copy)
      }
      return
    }
    const { head } = this.#answer
    this.#out.push(frame(Type.HEADERS, Flag.END_HEADERS, id, this.#tableSized(head)))
    this.#waiting.add(id)
  }

  /** The answer whose head tells first that the table is empty. @param {number} id */
  #firstBlock(id) {
    const { head, body, trailers } = this.#answer
    return framesOf({ head: this.#tableSized(head), body, ...(trailers === undefined ? {} : { trailers }) }, id)
  }

  /**
   * A peer that allows less than the default must be told that the table is smaller, once, by the first block after
   * that (RFC 7541 section 4.2). The table is never used, so it is told 0, which is never too much.
   * @param {Buffer} block
   */
  #tableSized(block) {
    if (!this.#tableShrunk || this.#tableTold) return block
    this.#tableTold = true
    return Buffer.concat([TABLE_SIZE_0, block])
  }

  /** Puts out what windows and the socket allow. */
  #flush() {
    const { body, trailers } = this.#answer
    for (const id of this.#waiting) {
      const stream = this.#streams.get(id)
      if (stream === undefined) continue
      if (this.#window <= 0 || this.#socket.writableLength > MAX_UNSENT_BYTES) break
      this.#sendBody(id, stream)
      if (stream.sent < body.length) continue
      this.#waiting.delete(id)
      this.#streams.delete(id)
      if (trailers !== undefined) this.#out.push(frame(Type.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, id, trailers))
    }
    this.#write()
  }

  /**
   * @param {number} id
   * @param {Stream} stream
   */
  #sendBody(id, stream) {
    const { body, trailers } = this.#answer
    while (stream.sent < body.length) {
      const length = Math.min(MAX_FRAME_BYTES, body.length - stream.sent, this.#window, stream.window)
      if (length <= 0) return
      const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES)
      const last = trailers === undefined && stream.sent + length === body.length
      writeFrameHead(head, 0, length, Type.DATA, last ? Flag.END_STREAM : 0, id)
      this.#out.push(head, body.subarray(stream.sent, stream.sent + length))
      stream.sent += length
      stream.window -= length
      this.#window -= length
    }
  }

  #write() {
    const out = this.#out
    if (out.length === 0) return
    const bytes = out.length === 1 ? out[0] : Buffer.concat(out)
    this.#out = []
    this.#socket.write(bytes)
  }
}

/**
 * The frames of an answer that fits into one DATA frame.
 * @param {Answer} answer
 * @param {number} id
 */
function framesOf({ head, body, trailers }, id) {
  const end = Flag.END_HEADERS | Flag.END_STREAM
  return [
    frame(Type.HEADERS, Flag.END_HEADERS, id, head),
    frame(Type.DATA, trailers === undefined ? Flag.END_STREAM : 0, id, body),
    ...(trailers === undefined ? [] : [frame(Type.HEADERS, end, id, trailers)]),
  ]
}

/**
 * @param {Answer} answer
 * @returns {{ bytes: Buffer | undefined, places: number[] }}
 */
function wholeAnswer(answer) {
  if (answer.body.length > MAX_FRAME_BYTES) return { bytes: undefined, places: [] }
  const frames = framesOf(answer, 0)
  let at = 0
  const places = frames.map((bytes) => {
    const place = at + 5
    at += bytes.length
    return place
  })
  return { bytes: Buffer.concat(frames), places }
}

/**
 * @param {number} stream
 * @param {number} increment
 */
function windowUpdate(stream, increment) {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(increment)
  return frame(Type.WINDOW_UPDATE, 0, stream, payload)
}
