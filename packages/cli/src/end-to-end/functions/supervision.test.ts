import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ask } from '../../testing/curl.ts'
import { eventually } from '../../testing/eventually.ts'
import { freePort } from '../../testing/free-port.ts'
import { FunctionCalls } from '../../testing/function-calls.ts'
import { processesWith } from '../../testing/processes.ts'
import { Sekisho, sekisho } from '../../testing/sekisho.ts'

const CODE = `let count = 0
exports.handler = async (event) => {
  if (event.sleep) await new Promise((resolve) => setTimeout(resolve, event.sleep))
  return { count: ++count, slept: event.sleep ?? 0 }
}`

let cwd: string
let file: string
/** In the environment of every process of a function of this test. */
let token: string
let running: Sekisho | undefined
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-supervised-'))
  file = join(cwd, 'sekisho.yaml')
  token = randomUUID()
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  // The engine removes what it has below its folder when its supervisor is gone.
  await eventually(
    async () => engines(),
    (pids) => pids.length === 0,
  )
  rmSync(cwd, { recursive: true, force: true })
})

const engines = (): number[] => processesWith(`fn\0engine\0-c\0${file}\0`)
const functionProcesses = (): number[] => processesWith(token, 'environ')

async function start(driver = 'process'): Promise<{ gateway: string; functions: FunctionCalls; port: number }> {
  const port = await freePort()
  writeFileSync(
    file,
    `listen: ["127.0.0.1:0"]
workers: 1
metrics: false
shutdown: { grace_period: 5 }
functions: { address: "127.0.0.1:${port}", path: data, driver: ${driver}, cpu: unlimited }
routes:
  - { uri: /ok, plugins: { mocking: { response_example: "ok", content_type: text/plain } } }
`,
  )
  running = new Sekisho(['start'], { cwd })
  const [, gateway, functions] = await running.printed(/^serving \S+ on (http:\S+:\d+), functions on (http:\S+:\d+),/m)
  expect(functions).toBe(`http://127.0.0.1:${port}`)
  const calls = new FunctionCalls(functions!)
  await calls.create('f', CODE, { Environment: { Variables: { TOKEN: token } } })
  return { gateway: gateway!, functions: calls, port }
}

const gatewayPid = (): string => /\(process (\d+)/.exec(running!.stderr)![1]!

describe('sekisho start with functions', () => {
  it('starts the engine again when it is killed, and the gateway never notices', async () => {
    const { gateway, functions } = await start()
    expect((await functions.invoke('f')).body).toEqual({ count: 1, slept: 0 })
    const [engine] = engines()
    let asking = true
    const statuses = new Set<number>()
    const traffic = (async () => {
      while (asking) statuses.add((await ask(`${gateway}/ok`)).status)
    })()
    process.kill(engine!, 'SIGKILL')
    await running!.printed(/the function engine serves again on http:/)
    const again = await functions.invoke('f')
    asking = false
    await traffic
    expect(again).toMatchObject({ status: 200, body: { count: 1 } })
    expect([...statuses]).toEqual([200])
    const [now] = engines()
    expect(now).not.toBe(engine)
    process.kill(Number(gatewayPid()), 0)
    expect(running!.stderr).toMatch(/the function engine ended \(SIGKILL\); starting it again/)
    // What the first engine had started went with it.
    expect(functionProcesses()).toHaveLength(1)
  })

  it('answers a call that is under way when it is told to stop, then every process is gone', async () => {
    const { functions } = await start()
    await functions.invoke('f')
    const call = functions.invoke('f', { sleep: 2_000 })
    await eventually(
      () => fetch(`${functions.endpoint}/metrics`).then((answer) => answer.text()),
      (text) => /sekisho_function_concurrent_executions(\{[^}]*\})? 1\n/.test(text),
    )
    running!.child.kill('SIGTERM')
    expect(await call).toMatchObject({ status: 200, body: { slept: 2_000 } })
    expect(await running!.exited).toBe(0)
    await running!.everyProcessEnded
    expect(engines()).toEqual([])
    expect(functionProcesses()).toEqual([])
    await expect(functions.invoke('f')).rejects.toThrow()
  })

  it('leaves the engine and its warm environments alone when the gateway is upgraded', async () => {
    const { gateway, functions } = await start()
    await functions.invoke('f')
    const [engine] = engines()
    running!.child.kill('SIGUSR2')
    await running!.printed(/generation 2/)
    expect((await ask(`${gateway}/ok`)).status).toBe(200)
    expect(engines()).toEqual([engine])
    expect((await functions.invoke('f')).body).toMatchObject({ count: 2 })
  }, 60_000)

  const drivers = ['process', ...(existsSync('/usr/bin/bwrap') ? ['sandbox'] : [])]
  it.each(drivers)('%s: ends by itself when the supervisor is killed, and leaves no process', async (driver) => {
    const { functions } = await start(driver)
    await functions.invoke('f')
    expect(functionProcesses()).not.toEqual([])
    running!.child.kill('SIGKILL')
    await running!.everyProcessEnded
    await eventually(
      async () => [...engines(), ...functionProcesses()],
      (pids) => pids.length === 0,
    )
  })
})

describe('an engine that cannot start', () => {
  const write = (functions: string): void =>
    writeFileSync(file, `listen: ["127.0.0.1:0"]\nmetrics: false\nfunctions: ${functions}\nroutes: []\n`)

  it('says that its address is in use, in one line', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    write(`{ address: "127.0.0.1:${port}", path: data, driver: process }`)
    const { status, stderr } = await sekisho(['start'], { cwd })
    server.close()
    expect(status).toBe(1)
    expect(stderr).toMatch(new RegExp(`^sekisho: cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use; .*\\n$`))
  })

  it('says that its driver is impossible here, in one line', async () => {
    write('{ address: "127.0.0.1:0", path: data, driver: microvm }')
    const { status, stderr } = await sekisho(['start'], { cwd })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^sekisho: .*(firecracker|KVM|microvm).*\n$/i)
  })

  it('says that etcd is away where it was never seen, in one line', async () => {
    write(
      `{ address: "127.0.0.1:0", path: data, driver: process, store: { type: etcd, endpoints: ["127.0.0.1:${await freePort()}"] } }`,
    )
    const { status, stderr } = await sekisho(['start'], { cwd })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^sekisho: etcd \(127\.0\.0\.1:\d+\): no connection.*\n$/)
  })
})
