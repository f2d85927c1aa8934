// An open loop of requests, as a program of its own: so many a second, whatever becomes of them. Takes a plan as JSON: { port, host, phases:
// [{ rate, seconds }], connections }. Prints what became of them, by windows of 250 ms, as JSON. Latencies count from when a request was due.
import { connect } from 'node:net'

const WINDOW_MS = 250
const { port, phases, connections: most } = JSON.parse(process.argv[2])
const REQUEST = 'GET / HTTP/1.1\r\nHost: overload.test\r\nX-Key: secret\r\n\r\n'

const total = phases.reduce((sum, { seconds }) => sum + seconds, 0)
/** @type {{ due: number, ok: number, refused: number, failed: number, unsent: number, latencies: number[] }[]} */
const windows = Array.from({ length: Math.ceil((total * 1_000) / WINDOW_MS) }, () => ({
  due: 0,
  ok: 0,
  refused: 0,
  failed: 0,
  unsent: 0,
  latencies: [],
}))
const idle = []
let open = 0
let startAt = 0
let over = false

const windowAt = (dueAt) => windows[Math.min(windows.length - 1, Math.floor((dueAt - startAt) / WINDOW_MS))]

/** One keep-alive connection, one request on it at a time. Answers have a Content-Length. */
class Connection {
  constructor() {
    open++
    this.dueAt = 0
    this.text = ''
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.socket.setEncoding('latin1')
    this.socket.on('connect', () => idle.push(this))
    this.socket.on('data', (text) => this.read(text))
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      open--
      const at = idle.indexOf(this)
      if (at >= 0) idle.splice(at, 1)
      if (this.dueAt > 0) windowAt(this.dueAt).failed++
    })
  }

  send(dueAt) {
    this.dueAt = dueAt
    this.socket.write(REQUEST, 'latin1')
  }

  read(text) {
    this.text += text
    const end = this.text.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.text.slice(0, end))?.[1] ?? 0)
    if (this.text.length < end + 4 + length) return
    const status = Number(this.text.slice(9, 12))
    const entry = windowAt(this.dueAt)
    if (status === 200) {
      entry.ok++
      entry.latencies.push(performance.now() - this.dueAt)
    } else if (status === 503) entry.refused++
    else entry.failed++
    this.text = ''
    this.dueAt = 0
    idle.push(this)
  }
}

const schedule = phases.flatMap(({ rate, seconds }, index) => {
  const from = phases.slice(0, index).reduce((sum, phase) => sum + phase.seconds, 0)
  return [{ from: from * 1_000, interval: 1_000 / rate, until: (from + seconds) * 1_000 }]
})
let phase = 0
let nextAt = 0

function pump() {
  const now = performance.now() - startAt
  while (phase < schedule.length && nextAt <= now) {
    const { interval, until } = schedule[phase]
    const dueAt = startAt + nextAt
    const entry = windowAt(dueAt)
    entry.due++
    const connection = idle.pop()
    if (connection !== undefined) connection.send(dueAt)
    else {
      // As a client without end would: it opens another connection, up to a number; the request is lost to it.
      entry.unsent++
      if (open < most) new Connection()
    }
    nextAt += interval
    if (nextAt >= until) {
      phase++
      nextAt = schedule[phase]?.from ?? Infinity
    }
  }
  if (phase < schedule.length) setTimeout(pump, 1)
  else if (!over) {
    over = true
    // Who has not answered by then, has not.
    setTimeout(report, 2_000)
  }
}

function report() {
  const answer = windows.map(({ latencies, ...counts }) => {
    latencies.sort((a, b) => a - b)
    const at = (part) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0
    return { ...counts, p50: at(0.5), p99: at(0.99), max: latencies.at(-1) ?? 0, latencies: sample(latencies) }
  })
  process.stdout.write(JSON.stringify(answer), () => process.exit(0))
}

/** Every so-manieth, so that percentiles over many windows can be told: 200 a window. */
function sample(sorted) {
  const step = Math.max(1, sorted.length / 200)
  return Array.from(
    { length: Math.min(200, sorted.length) },
    (_, index) => +sorted[Math.floor(index * step)].toFixed(2),
  )
}

for (let index = 0; index < Math.min(50, most); index++) new Connection()
setTimeout(() => {
  startAt = performance.now()
  pump()
}, 300)
