import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch } from '../harness/children.js'
import { LOAD_CORE } from '../harness/cores.js'
import { parseH2loadLog } from './h2load-log.js'

/** Clients that each send at a steady rate; at 0.7 ms an answer, 64 are enough for 90,000 a second. */
const CLIENTS = 64

/**
 * A fixed rate over HTTP/1.1 by h2load (nghttp2, C): it takes a third of what our own generator takes of the core that it shares with
 * the upstream. Latency counts from when a request was sent: a client whose answer is late sends its next one late.
 * @param {{ port: number, rate: number, seconds: number, warmSeconds: number }} load
 */
export async function runH2load({ port, rate, seconds, warmSeconds }) {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-h2load-'))
  try {
    const log = join(folder, 'log')
    const each = Math.max(1, Math.round(rate / CLIENTS))
    const args = [
      '--h1',
      '-t',
      '1',
      '-c',
      String(CLIENTS),
      `--rps=${each}`,
      '-D',
      String(seconds),
      `--warm-up-time=${warmSeconds}`,
    ]
    const child = launch({
      core: LOAD_CORE,
      command: 'h2load',
      args: [...args, `--log-file=${log}`, `http://127.0.0.1:${port}/`],
    })
    await child.exited
    return parseH2loadLog(readFileSync(log, 'utf8'), seconds)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
