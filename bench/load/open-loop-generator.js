import { Histogram } from './histogram.js'
import { RawConnection } from './raw-connection.js'

/** After the last request was due, how long answers are waited for. */
const DRAIN_MS = 3_000

/** How long all connections together may take to open. */
const CONNECT_MS = 5_000

/**
 * @typedef {object} OpenLoopPlan
 * @property {number} port
 * @property {number} rate requests a second
 * @property {number} seconds how long is recorded, after the warm-up
 * @property {number} warmSeconds
 * @property {number} connections
 * @property {number} paths 1: `/`; more: `/r/0` to `/r/N-1` in turn
 * @property {boolean} lettered the answer to an even path must begin with A, to an odd one with B
 *
 * @typedef {object} OpenLoopResult
 * @property {number} sent
 * @property {number} answered
 * @property {number} failed closed without an answer, or never answered
 * @property {number} refused a status other than 200
 * @property {number} misrouted the wrong letter
 * @property {number} reconnects connections that closed between two requests
 * @property {number} answeredPerSecond
 * @property {number} p50Micros from when a request was due
 * @property {number} p99Micros
 * @property {number} p999Micros
 * @property {number} maxMicros
 * @property {number} lateP99Micros from when it was due to when it was sent: what the generator itself adds
 */

/**
 * An open loop: request k is due at start + k / rate whatever became of those before it, and its latency counts
 * from then. A server that stalls is charged for every request that should have been made meanwhile.
 *
 * It looks at the clock whenever a connection becomes free, and every millisecond. The answers themselves set a finer
 * pace than the timer as soon as there are many. Looking all the time instead took the core from the upstream that
 * shares it: at 40,000 a second through nginx p99 was 18 to 60 ms with a lower priority and 500 ms without, and 6 to
 * 9 ms this way. The price: at a few thousand a second, or with an upstream that answers at once, half a millisecond
 * of the median is the timer's.
 *
 * Its limits: one request took it 10 microseconds of CPU at 80,000 a second on a core of its own, 3 of them in
 * JavaScript and the rest in the kernel's sending and receiving; there nginx itself answered all 80,000. Beside an
 * upstream that takes 6 to 7 for an answer, a core is full at 54,000 a second, and at 41,000 to 48,000 through a
 * proxy, as the other core has to be woken. `lateP99Micros` tells when it could not keep up: then it measures itself.
 */
export class OpenLoopGenerator {
  #plan
  #latency = new Histogram()
  #lateness = new Histogram()
  /** @type {RawConnection[]} */
  #connections
  /** A ring of the connections that may take a request; first in, first out, so that all of them are in use. */
  #idle
  #idleHead = 0
  #idleCount = 0
  #startAt = 0
  #firstRecorded
  #requests
  #sent = 0
  #counts = { answered: 0, failed: 0, refused: 0, misrouted: 0, reconnects: 0 }
  #inFlight = 0
  #stopping = false
  /** @type {string[]} */
  #texts

  /** @param {OpenLoopPlan} plan */
  constructor(plan) {
    this.#plan = plan
    this.#requests = Math.round(plan.rate * (plan.warmSeconds + plan.seconds))
    this.#firstRecorded = Math.round(plan.rate * plan.warmSeconds)
    this.#connections = Array.from({ length: plan.connections }, () => new RawConnection(plan.port, this))
    /** @type {RawConnection[]} */
    this.#idle = this.#connections.slice()
    this.#texts = Array.from({ length: plan.paths }, (_, index) => requestText(plan.paths === 1 ? '/' : `/r/${index}`))
  }

  /** @returns {Promise<OpenLoopResult>} */
  async run() {
    for (const connection of this.#connections) connection.open()
    await this.#connected()
    this.#startAt = performance.now()
    await until(() => {
      this.#pump()
      return this.#sent >= this.#requests || this.#stopping
    })
    const giveUpAt = performance.now() + DRAIN_MS
    await until(() => this.#inFlight === 0 || performance.now() > giveUpAt)
    this.#counts.failed += this.#inFlight
    for (const connection of this.#connections) connection.shut()
    return this.#result()
  }

  /** A server that takes no connections would otherwise be waited for without end. */
  async #connected() {
    const giveUpAt = performance.now() + CONNECT_MS
    await until(() => this.#idleCount === this.#connections.length || performance.now() > giveUpAt)
    if (this.#idleCount === 0) throw new Error(`nothing accepts connections on port ${this.#plan.port}`)
  }

  /** Sends nothing more; `run` then ends as usual. */
  stop() {
    this.#stopping = true
  }

  /** @param {RawConnection} connection */
  onIdle(connection) {
    const size = this.#idle.length
    this.#idle[(this.#idleHead + this.#idleCount++) % size] = connection
    if (this.#startAt > 0) this.#pump()
  }

  /**
   * @param {RawConnection} connection
   * @param {number} status
   * @param {number} firstBodyChar
   */
  onReply(connection, status, firstBodyChar) {
    this.#inFlight--
    this.#counts.answered++
    if (status !== 200) this.#counts.refused++
    else if (this.#plan.lettered && firstBodyChar !== (connection.request % 2 === 0 ? 65 : 66)) this.#counts.misrouted++
    if (connection.recorded) this.#latency.record((performance.now() - connection.dueAt) * 1000)
  }

  /** @param {RawConnection} _connection */
  onLost(_connection) {
    this.#inFlight--
    this.#counts.failed++
  }

  /** @param {RawConnection} connection */
  onClosed(connection) {
    this.#counts.reconnects++
    this.#forget(connection)
  }

  /** Sends what is due, as far as there are connections for it. What is late keeps the time at which it was due. */
  #pump() {
    const now = performance.now()
    const interval = 1000 / this.#plan.rate
    while (this.#idleCount > 0 && this.#sent < this.#requests && !this.#stopping) {
      const dueAt = this.#startAt + this.#sent * interval
      if (dueAt > now) return
      const connection = this.#idle[this.#idleHead]
      this.#idleHead = (this.#idleHead + 1) % this.#idle.length
      this.#idleCount--
      connection.request = this.#sent % this.#texts.length
      connection.dueAt = dueAt
      connection.recorded = this.#sent >= this.#firstRecorded
      if (connection.recorded) this.#lateness.record((now - dueAt) * 1000)
      this.#sent++
      this.#inFlight++
      connection.send(this.#texts[connection.request])
    }
  }

  /** A connection closed while it was idle: rare, so the ring is written anew. @param {RawConnection} connection */
  #forget(connection) {
    const waiting = Array.from(
      { length: this.#idleCount },
      (_, index) => this.#idle[(this.#idleHead + index) % this.#idle.length],
    ).filter((other) => other !== connection)
    this.#idleHead = 0
    this.#idleCount = waiting.length
    for (const [index, other] of waiting.entries()) this.#idle[index] = other
  }

  /** @returns {OpenLoopResult} */
  #result() {
    const latency = this.#latency
    const seconds = Math.max(0.001, (performance.now() - this.#startAt) / 1000)
    return {
      sent: this.#sent,
      ...this.#counts,
      answeredPerSecond: this.#counts.answered / seconds,
      p50Micros: latency.percentile(0.5),
      p99Micros: latency.percentile(0.99),
      p999Micros: latency.percentile(0.999),
      maxMicros: latency.max,
      lateP99Micros: this.#lateness.percentile(0.99),
    }
  }
}

/** @param {string} path */
function requestText(path) {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
}

/**
 * Asks every millisecond, the shortest time that a timer can take.
 * @param {() => boolean} done
 * @returns {Promise<void>}
 */
function until(done) {
  return new Promise((resolve) => {
    const look = () => {
      if (done()) resolve()
      else setTimeout(look, 1)
    }
    look()
  })
}
