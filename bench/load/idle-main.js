// Opens keep-alive connections, has one request answered on each, and then leaves them alone. Prints a line of JSON
// when all of them are idle, and ends when its standard input does.
import { RawConnection } from './raw-connection.js'

/** So many are opened at a time: few enough that the upstream side of the proxy stays small. */
const CONCURRENCY = 100

const { port, count } = JSON.parse(process.argv[2])
const request = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
let started = 0
let answered = 0
let lost = 0

/** @type {RawConnection[]} */
const connections = []
const asked = new Set()

const owner = {
  /** @param {RawConnection} connection */
  onIdle(connection) {
    if (asked.has(connection)) return
    asked.add(connection)
    connection.send(request)
  },
  /**
   * @param {RawConnection} _connection
   * @param {number} status
   */
  onReply(_connection, status) {
    if (status !== 200) lost++
    answered++
    if (started < count) openNext()
    else if (answered === count) process.stdout.write(`${JSON.stringify({ answered, lost })}\n`)
  },
  /** @param {RawConnection} connection */
  onLost(connection) {
    lost++
    asked.delete(connection)
  },
  /** @param {RawConnection} connection */
  onClosed(connection) {
    lost++
    asked.delete(connection)
  },
}

function openNext() {
  started++
  const connection = new RawConnection(port, owner)
  connections.push(connection)
  connection.open()
}

for (let index = 0; index < Math.min(CONCURRENCY, count); index++) openNext()
process.stdin.on('end', () => process.exit(0)).resume()
