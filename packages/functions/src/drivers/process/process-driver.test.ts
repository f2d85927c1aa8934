import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isRunning } from '../testing/is-running.ts'
import { recordSandbox, sandboxSpec } from '../testing/record-sandbox.ts'
import { ProcessDriver } from './process-driver.ts'

let folder: string
let driver: ProcessDriver

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sekisho-process-driver-'))
  driver = new ProcessDriver({ dataDirectory: folder })
  await driver.open()
})

afterEach(async () => {
  await driver.close()
  await rm(folder, { recursive: true })
})

test('what a program prints, and how it ends, is told', async () => {
  const run = recordSandbox(driver, sandboxSpec({ command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] }))
  expect(await run.exit).toEqual({ status: 3, signal: undefined, outOfMemory: false, failure: undefined })
  expect(run.text('stdout')).toBe('out\n')
  expect(run.text('stderr')).toBe('err\n')
})

test('a program connects to a listener of its own', async () => {
  const run = recordSandbox(
    driver,
    sandboxSpec({
      command: [
        process.execPath,
        '-e',
        `const [host, port] = process.env.API.split(':'); require('node:net').connect(Number(port), host)`,
      ],
    }),
  )
  const socket = await run.connection
  expect(socket.remoteAddress).toBe('127.0.0.1')
  run.sandbox.kill()
  expect(await run.exit).toMatchObject({ signal: 'SIGKILL' })
})

test('a program that is not there is a failure', async () => {
  const run = recordSandbox(driver, sandboxSpec({ command: ['/nowhere/bootstrap'] }))
  expect(await run.exit).toMatchObject({ failure: expect.stringMatching(/\/nowhere\/bootstrap: ENOENT/) })
})

test('killing takes what it started with it, frozen or not', async () => {
  const run = recordSandbox(driver, sandboxSpec({ command: ['sh', '-c', 'sleep 1000 & echo $!; wait'] }))
  const child = Number(await run.firstLine)
  run.sandbox.freeze()
  run.sandbox.freeze()
  run.sandbox.kill()
  expect(await run.exit).toMatchObject({ signal: 'SIGKILL' })
  await expect.poll(() => isRunning(child)).toBe(false)
})

test('SIGTERM reaches a frozen program', async () => {
  const run = recordSandbox(
    driver,
    sandboxSpec({ command: ['sh', '-c', 'trap "exit 7" TERM; echo ready; while :; do sleep 0.02; done'] }),
  )
  await run.firstLine
  run.sandbox.freeze()
  run.sandbox.terminate()
  expect(await run.exit).toMatchObject({ status: 7 })
})

test('each has a folder for temporary files, which goes with it', async () => {
  const run = recordSandbox(driver, sandboxSpec({ command: ['sh', '-c', 'echo "$TMPDIR"; echo x > "$TMPDIR/x"'] }))
  expect(await run.firstLine).toBe(join(folder, 'environments', 'test'))
  await run.exit
  await driver.close()
  await expect
    .poll(() => readdir(join(folder, 'environments')))
    .toEqual(process.platform === 'linux' ? ['.launcher'] : [])
})

test('who holds more memory than it may is ended', async () => {
  const run = recordSandbox(
    driver,
    sandboxSpec({
      command: [process.execPath, '-e', 'globalThis.x = Buffer.alloc(3e8, 1); setInterval(() => 0, 1e6)'],
    }),
  )
  expect(await run.exit).toMatchObject({ outOfMemory: true, signal: 'SIGKILL' })
  expect(run.sandbox.peakMemoryBytes()).toBeGreaterThan(256 * 1024 * 1024)
})

test('a specification that cannot be launched is a failure', async () => {
  const run = recordSandbox(driver, {
    ...sandboxSpec({ command: [] }),
    launch: () => {
      throw new Error('no bootstrap')
    },
  })
  expect(await run.exit).toMatchObject({ failure: 'no bootstrap' })
})

test('an engine that is killed takes the program with it, and the next one ends the rest', async () => {
  if (process.platform !== 'linux') return
  const data = join(folder, 'killed')
  const engine = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { ProcessDriver } from ${JSON.stringify(new URL('../../../dist/drivers/process/process-driver.js', import.meta.url).href)}
      const driver = new ProcessDriver({ dataDirectory: ${JSON.stringify(data)} })
      await driver.open()
      const launch = () => ({ command: ['/bin/sh', '-c', 'sleep 1000 & echo $$ $!; wait'], environment: { PATH: '/usr/bin:/bin' }, workingDirectory: '/', companions: [] })
      driver.start({ id: 'e', taskDirectory: '/', memoryMb: 128, ephemeralStorageMb: 1, network: 'host', launch },
        { onConnection() {}, onExit() {}, onOutput: (stream, bytes) => process.stdout.write(bytes) })`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [line] = (await once(engine.stdout, 'data')) as [Buffer]
  const [program = 0, child = 0] = String(line).trim().split(' ').map(Number)
  expect([isRunning(program), isRunning(child)]).toEqual([true, true])
  engine.kill('SIGKILL')
  await expect.poll(() => isRunning(program)).toBe(false)
  const next = new ProcessDriver({ dataDirectory: data })
  await next.open()
  await expect.poll(() => isRunning(child)).toBe(false)
  await next.close()
})
