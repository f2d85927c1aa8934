// Echoes over many WebSockets for some seconds; prints what it counted as JSON.
import { Histogram } from './histogram.js'
import { WebSocketClient } from './websocket-client.js'

const { port, connections, seconds } = JSON.parse(process.argv[2])
const latency = new Histogram()
let errors = 0
const startedAt = performance.now()

const clients = Array.from(
  { length: connections },
  () =>
    new WebSocketClient(
      port,
      (client) => {
        latency.record((performance.now() - client.sentAt) * 1000)
        return true
      },
      () => errors++,
    ),
)

setTimeout(() => {
  const elapsed = (performance.now() - startedAt) / 1000
  for (const client of clients) client.close()
  const result = {
    requests: latency.count,
    seconds: elapsed,
    requestsPerSecond: latency.count / elapsed,
    bytesPerSecond: 0,
    p50Ms: latency.percentile(0.5) / 1000,
    p99Ms: latency.percentile(0.99) / 1000,
    errors,
  }
  process.stdout.write(JSON.stringify(result), () => process.exit(0))
}, seconds * 1000)
