import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ask } from '../../testing/curl.ts'
import { eventually } from '../../testing/eventually.ts'
import { freePort } from '../../testing/free-port.ts'
import { Sekisho } from '../../testing/sekisho.ts'

const COMMAND = fileURLToPath(new URL('../../../bin/sekisho.js', import.meta.url))
const ACTIVATE = 'systemd-socket-activate'
const canActivate = spawnSync(ACTIVATE, ['--version']).status === 0

let cwd: string
let running: Sekisho | undefined
let activated: ChildProcess | undefined
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-systemd-'))
})
afterEach(async () => {
  await running?.stop()
  if (activated !== undefined && activated.exitCode === null) {
    const exited = new Promise((resolve) => activated?.once('exit', resolve))
    activated.kill('SIGTERM')
    await exited
  }
  running = activated = undefined
  rmSync(cwd, { recursive: true })
})

const write = (listen: readonly string[], text: string): void =>
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ${JSON.stringify(listen)}
workers: 2
metrics: { address: "127.0.0.1:0" }
shutdown: { grace_period: 2 }
routes: [{ uri: /*, plugins: { mocking: { response_example: ${text}, content_type: text/plain } } }]
`,
  )

/** Stands in for `systemd-notify`, as Node cannot hear datagrams of a Unix socket: writes down what it was to send. */
function fakeNotify(): { env: Record<string, string>; told: () => string[] } {
  const log = join(cwd, 'told')
  const program = join(cwd, 'systemd-notify')
  writeFileSync(program, `#!/bin/sh\nprintf '%s|' "$NOTIFY_SOCKET" "$@" >> '${log}'\necho >> '${log}'\n`)
  chmodSync(program, 0o755)
  return {
    env: { NOTIFY_SOCKET: '/run/fake/notify', PATH: `${cwd}${delimiter}${process.env['PATH']}` },
    told: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  }
}

it('tells systemd that it is ready, reloads, upgrades and stops, and gives signs of life', async () => {
  write(['127.0.0.1:0'], 'one')
  const { env, told } = fakeNotify()
  running = new Sekisho(['start'], { cwd, env: { ...env, WATCHDOG_USEC: '400000' } })
  const { child } = running
  const state = (pattern: RegExp, from = 0): Promise<string[]> =>
    eventually(
      async () => told().slice(from),
      (lines) => lines.some((line) => pattern.test(line)),
    )
  await state(
    new RegExp(`^/run/fake/notify\\|READY=1\\|MAINPID=${child.pid}\\|STATUS=serving: process \\d+, generation 1\\|$`),
  )
  await state(/\|WATCHDOG=1\|$/)

  let from = told().length
  child.kill('SIGHUP')
  const reloaded = await state(/\|READY=1\|$/, from)
  const order = reloaded.map((line) => line.split('|')[1]).filter((word) => word !== 'WATCHDOG=1')
  expect(order).toEqual(['RELOADING=1', 'READY=1'])
  expect(reloaded.join('\n')).toMatch(/RELOADING=1\|MONOTONIC_USEC=\d+\|/)

  // A refused reload is over, too.
  from = told().length
  writeFileSync(join(cwd, 'sekisho.yaml'), 'routes: 1')
  child.kill('SIGHUP')
  await state(/\|READY=1\|$/, from)
  write(['127.0.0.1:0'], 'two')

  child.kill('SIGUSR2')
  await state(/generation 2\|$/)
  child.kill('SIGTERM')
  expect(await running.exited).toBe(0)
  await running.everyProcessEnded
  expect(told().at(-1)).toBe('/run/fake/notify|STOPPING=1|EXTEND_TIMEOUT_USEC=12000000|')
  expect(running.stderr).not.toContain('systemd was not told')
})

it('serves without systemd-notify, and says once that systemd is not told', async () => {
  write(['127.0.0.1:0'], 'one')
  // A program that fails, before the real one in the path.
  writeFileSync(join(cwd, 'systemd-notify'), '#!/bin/sh\nexit 3\n')
  chmodSync(join(cwd, 'systemd-notify'), 0o755)
  const PATH = `${cwd}${delimiter}${process.env['PATH']}`
  running = new Sekisho(['start'], { cwd, env: { PATH, NOTIFY_SOCKET: '/run/fake/notify', WATCHDOG_USEC: '100000' } })
  await running.printed(/systemd was not told: systemd-notify failed \(exit status 3\)/)
  await running.stop()
  expect(running.stderr.match(/was not told/g)).toHaveLength(1)
})

const overUnixSocket = (socketPath: string): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: '/', agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve(body))
    })
      .on('error', reject)
      .end()
  })

it.skipIf(!canActivate)(
  `serves on sockets that ${ACTIVATE} opened, also after an upgrade, and closes one that is not configured`,
  async () => {
    const [port, unused] = [await freePort(), await freePort()]
    const path = join(cwd, 'http.sock')
    write([`127.0.0.1:${port}`, `unix:${path}`], 'here')
    const listen = [`127.0.0.1:${port}`, path, `127.0.0.1:${unused}`]
    activated = spawn(
      ACTIVATE,
      [...listen.flatMap((address) => ['-l', address]), '--fdname=a:b:unused', process.execPath, COMMAND, 'start'],
      { cwd, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let stderr = ''
    activated.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const said = (pattern: RegExp): Promise<string> =>
      eventually(
        async () => stderr,
        (text) => pattern.test(text),
      )
    await said(/Listening on/)
    // The first connection starts the gateway, and is served by it.
    expect((await ask(`http://127.0.0.1:${port}/`)).body).toBe('here')
    expect(await overUnixSocket(path)).toBe('here')
    expect(stderr).toMatch(
      new RegExp(`socket unused of systemd \\(127\\.0\\.0\\.1:${unused}\\) is not among the listen addresses`),
    )
    activated.kill('SIGUSR2')
    await said(/generation 2\)/)
    expect((await ask(`http://127.0.0.1:${port}/`)).body).toBe('here')
    expect(await overUnixSocket(path)).toBe('here')
  },
)

it('does not take sockets that are meant for another process', async () => {
  write(['127.0.0.1:0'], 'one')
  running = new Sekisho(['start'], { cwd, env: { LISTEN_FDS: '1', LISTEN_PID: '1' } })
  await running.printed(/the sockets of systemd are for process 1, and this is \d+: start node itself/)
  await running.printed(/^serving/m)
})
