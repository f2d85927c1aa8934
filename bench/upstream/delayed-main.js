// Servers that work on a few requests at once, so many milliseconds each; others wait. Given as JSON: [[port, milliseconds], ...].
import { createServer } from 'node:http'

const AT_ONCE = 4

for (const [port, milliseconds] of JSON.parse(process.argv[2] ?? '[]')) {
  let busy = 0
  /** @type {import('node:http').ServerResponse[]} */
  const waiting = []
  /** @param {import('node:http').ServerResponse} response */
  const work = (response) => {
    if (busy === AT_ONCE) return waiting.push(response)
    busy++
    setTimeout(() => {
      busy--
      response.end(`after ${milliseconds} ms\n`)
      const next = waiting.shift()
      if (next !== undefined) work(next)
    }, milliseconds)
  }
  const server = createServer((_, response) => work(response))
  server.keepAliveTimeout = 0
  server.listen(port, '127.0.0.1')
}
