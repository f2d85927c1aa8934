import { fileURLToPath } from 'node:url'
import { LOAD_CORE } from '../harness/cores.js'
import { launch } from '../harness/children.js'

const program = fileURLToPath(new URL('idle-main.js', import.meta.url))

/** 10,000 connections take a slow proxy about a second. */
const OPEN_TIMEOUT_MS = 60_000

/**
 * Opens connections that stay open until `close` is called.
 * @param {{ port: number, count: number }} plan
 * @returns {Promise<{ lost: number, close: () => Promise<void> }>} when all are idle; lost: closed by the proxy, or not answered 200
 */
export async function openIdleConnections(plan) {
  const child = launch({ core: LOAD_CORE, command: process.execPath, args: [program, JSON.stringify(plan)] })
  const { stdout } = child.process
  if (stdout === null) throw new Error('the connector has no output')
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const told = new Promise((resolve, reject) => {
    stdout.once('data', resolve)
    timer = setTimeout(() => reject(new Error('the connections were not opened in time')), OPEN_TIMEOUT_MS)
    void child.exited.then(() => reject(new Error(`the connector failed: ${child.output()}`)))
  })
  try {
    const { lost } = JSON.parse(String(await told))
    return { lost, close: () => child.stop() }
  } catch (error) {
    await child.stop()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
