import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseWrk } from '../load/wrk-output.js'

const run = promisify(execFile)

/**
 * A closed loop of Invokes by wrk, whose request is made once.
 * @param {{ port: number, name: string, event: object, connections: number, seconds: number }} load
 */
export async function invokeByWrk({ port, name, event, connections, seconds }) {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-wrk-'))
  const script = join(folder, 'invoke.lua')
  writeFileSync(script, `wrk.method = "POST"\nwrk.body = [[${JSON.stringify(event)}]]\n`)
  try {
    const url = `http://127.0.0.1:${port}/2015-03-31/functions/${name}/invocations`
    const list = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script, url]
    return parseWrk((await run('wrk', list)).stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
