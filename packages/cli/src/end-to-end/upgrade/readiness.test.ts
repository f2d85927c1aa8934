import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ask } from '../../testing/curl.ts'
import { eventually } from '../../testing/eventually.ts'
import { freePort } from '../../testing/free-port.ts'
import { Sekisho } from '../../testing/sekisho.ts'

let cwd: string
let running: Sekisho | undefined
let status = ''
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-readiness-'))
  status = `http://127.0.0.1:${await freePort()}/status`
})
afterEach(async () => {
  await running?.stop()
  rmSync(cwd, { recursive: true })
})

async function start(shutdown: string): Promise<{ sekisho: Sekisho; url: string }> {
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
workers: 2
metrics: { address: "${new URL(status).host}" }
shutdown: ${shutdown}
routes: [{ uri: /*, plugins: { mocking: { response_example: here, content_type: text/plain } } }]
`,
  )
  running = new Sekisho(['start'], { cwd })
  const [, url] = await running.printed(/^serving \S+ on (http:\/\/\S+:\d+)/m)
  return { sekisho: running, url }
}

const ready = async (): Promise<{ status: number; body: string }> => ask(`${status}/ready`)

it('accepts for the drain delay, not ready but alive, then drains', async () => {
  const { sekisho, url } = await start('{ grace_period: 5, drain_delay: 2 }')
  expect(await ready()).toMatchObject({ status: 200 })
  sekisho.child.kill('SIGTERM')
  await eventually(ready, (seen) => seen.status === 503)
  expect((await ready()).body).toBe('{"status":"error","error":"the gateway stops"}\n')
  expect(await ask(status)).toMatchObject({ status: 200 })
  expect(await ask(`${url}/`)).toMatchObject({ status: 200, body: 'here' })
  expect(await sekisho.exited).toBe(0)
  expect(sekisho.stderr).toMatch(/SIGTERM: stopping; not ready from now on, accepting for 2000 ms more/)
  await expect(ask(`${url}/`)).rejects.toThrow('ECONNREFUSED')
})

it('says that it is not ready while the last requests are finished', async () => {
  const { sekisho, url } = await start('{ grace_period: 10 }')
  const { port } = new URL(url)
  // A request whose head never ends: in flight as long as this test wants.
  const open = connect(Number(port), '127.0.0.1')
  open.write('GET / HTTP/1.1\r\nhost: here\r\n')
  await new Promise((resolve) => open.once('connect', resolve))
  // It was accepted once a later one is answered.
  await new Promise<void>((resolve, reject) => {
    request(url, (response) => response.resume().once('end', resolve))
      .once('error', reject)
      .end()
  })
  sekisho.child.kill('SIGTERM')
  await eventually(ready, (seen) => seen.status === 503)
  open.destroy()
  expect(await sekisho.exited).toBe(0)
  await expect(ready()).rejects.toThrow('ECONNREFUSED')
})

it('stops at once on a second signal within the drain delay', async () => {
  const { sekisho } = await start('{ drain_delay: 600 }')
  sekisho.child.kill('SIGTERM')
  await eventually(ready, (seen) => seen.status === 503)
  sekisho.child.kill('SIGTERM')
  expect(await sekisho.exited).toBe(143)
})
