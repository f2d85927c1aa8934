import { once } from 'node:events'
import { get } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** 10,000 routes and a cold disk, on a machine that others use as well. */
const READY_TIMEOUT_MS = 30_000

const POLL_INTERVAL_MS = 20

/**
 * @typedef {{ status: number, body: string }} Answer
 */

/**
 * One GET on a connection of its own.
 * @param {number} port
 * @param {string} path
 * @param {Record<string, string>} [headers]
 * @returns {Promise<Answer>}
 */
export function ask(port, path, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, headers, agent: false, timeout: 2_000 }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (text) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', reject)
    })
    request.on('timeout', () => request.destroy(new Error('no answer within 2 s')))
    request.on('error', reject)
  })
}

/**
 * Waits until a program answers 200, and throws with the end of its output when it ends first or takes too long.
 * @param {import('./children.js').Child} child
 * @param {number} port
 * @param {string} path
 * @param {Record<string, string>} [headers]
 */
export async function waitUntilReady(child, port, path, headers) {
  const deadline = performance.now() + READY_TIMEOUT_MS
  let last = 'no answer'
  while (performance.now() < deadline) {
    if (child.hasExited()) throw new Error(`it ended at once: ${child.output().trim()}`)
    try {
      const { status } = await ask(port, path, headers)
      if (status === 200) return
      last = `status ${status}`
    } catch (error) {
      last = String(error)
    }
    await delay(POLL_INTERVAL_MS)
  }
  throw new Error(`it did not get ready within ${READY_TIMEOUT_MS / 1000} s (${last}): ${child.output().trim()}`)
}

/**
 * Waits until a program takes connections: for protocols that `ask` does not speak.
 * @param {import('./children.js').Child} child
 * @param {number} port
 */
export async function waitUntilListening(child, port) {
  const deadline = performance.now() + READY_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (child.hasExited()) throw new Error(`it ended at once: ${child.output().trim()}`)
    const socket = connect({ host: '127.0.0.1', port })
    try {
      await once(socket, 'connect')
      return
    } catch {
      await delay(POLL_INTERVAL_MS)
    } finally {
      socket.destroy()
    }
  }
  throw new Error(`nothing listens on port ${port} after ${READY_TIMEOUT_MS / 1000} s: ${child.output().trim()}`)
}
