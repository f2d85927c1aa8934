import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Calls a bootstrap without anything in between: the smallest Runtime API that can be, on loopback, with no sandbox.
 * @param {string} file of the bootstrap
 * @param {string} payload
 * @param {number} count
 * @returns {Promise<number[]>} milliseconds from an event to its response
 */
export async function callDirectly(file, payload, count) {
  const id = '00000000-0000-4000-8000-000000000000'
  const event = Buffer.from(
    `HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: ${id}\r\nLambda-Runtime-Deadline-Ms: 9999999999999\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${payload.length}\r\n\r\n${payload}`,
  )
  const accepted = Buffer.from('HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n')
  /** @type {number[]} */
  const times = []
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const child = spawn(file, { env: { AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}` }, stdio: 'ignore' })
  try {
    const [socket] = await once(server, 'connection')
    await new Promise((resolve) => {
      let sentAt = 0
      socket.on('error', () => undefined)
      // A response and the wish for the next event come in one write, and fit into one read.
      socket.on('data', (/** @type {Buffer} */ bytes) => {
        const answered = bytes.toString('latin1', 0, 4) === 'POST'
        if (answered) times.push(performance.now() - sentAt)
        if (times.length === count) return resolve(undefined)
        sentAt = performance.now()
        socket.write(answered ? Buffer.concat([accepted, event]) : event)
      })
    })
    socket.destroy()
    return times
  } finally {
    child.kill('SIGKILL')
    server.close()
  }
}
