import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { foldersOf } from '../cgroup/cgroup-layout.ts'
import { isRunning } from '../testing/is-running.ts'
import { recordSandbox, sandboxSpec } from '../testing/record-sandbox.ts'
import { missingForSandbox, sandboxTitle } from '../testing/sandbox-support.ts'
import { SandboxDriver } from './sandbox-driver.ts'

const shell = (script: string): readonly string[] => ['sh', '-c', script]

describe.skipIf(missingForSandbox !== '')(sandboxTitle('the sandbox driver'), () => {
  let folder: string
  let task: string
  let driver: SandboxDriver

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sekisho-sandbox-'))
    task = join(folder, 'task')
    await mkdir(task)
    await writeFile(join(task, 'data'), 'of this function\n')
    driver = new SandboxDriver({ dataDirectory: folder })
    await driver.open()
  })

  afterAll(async () => {
    await driver.close()
    expect(await readdir(join(folder, 'sandbox'))).toEqual([])
    await rm(folder, { recursive: true })
  })

  const run = (script: string, rest: Parameters<typeof sandboxSpec>[0] | object = {}) =>
    recordSandbox(driver, sandboxSpec({ taskDirectory: task, command: shell(script), ...rest }))

  test('what a program prints, and how it ends, is told', async () => {
    const record = run('cat data; echo err >&2; exit 3')
    expect(await record.exit).toEqual({ status: 3, signal: undefined, outOfMemory: false, failure: undefined })
    expect(record.text('stdout')).toBe('of this function\n')
    expect(record.text('stderr')).toBe('err\n')
  })

  test('a signal that ends it is told', async () => {
    expect(await run('kill -SEGV $$').exit).toMatchObject({ status: undefined, signal: 'SIGSEGV', failure: undefined })
  })

  test('/dev/stdout and /dev/stderr can be opened', async () => {
    const record = run('echo out > /dev/stdout; echo err > /dev/stderr')
    expect(await record.exit).toMatchObject({ status: 0 })
    expect(record.text('stdout')).toBe('out\n')
    expect(record.text('stderr')).toBe('err\n')
  })

  test('output that just fills a buffer of the engine does not stop it', async () => {
    const record = run('echo; sleep 0.03; dd if=/dev/zero bs=65536 count=1 2> /dev/null; sleep 1000')
    await record.firstLine
    // The engine is busy until all of it is in the pipe.
    for (const since = performance.now(); performance.now() - since < 150;);
    await expect.poll(() => record.text('stdout').length).toBe(65_537)
    record.sandbox.kill()
    expect(await record.exit).toMatchObject({ signal: 'SIGKILL' })
  })

  test('its variables are those it was given', async () => {
    const record = run('/usr/bin/env', { environment: { GREETING: 'a=b c\n"ü' } })
    expect(await record.exit).toMatchObject({ status: 0 })
    const lines = record
      .text('stdout')
      .split('\n')
      .filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line))
    expect(lines.join('\n')).toBe('API=127.0.0.1:9001\nGREETING=a=b c\n"ü\nPATH=/usr/local/bin:/usr/bin:/bin\n')
  })

  test('it connects to the Runtime API and is served, frozen in between', async () => {
    const record = recordSandbox(
      driver,
      sandboxSpec({
        taskDirectory: task,
        interpreter: process.execPath,
        command: [
          'node',
          '-e',
          `const [h, p] = process.env.API.split(':')
          const s = require('node:net').connect(Number(p), h)
          s.on('data', (bytes) => s.write(String(bytes).toUpperCase()))`,
        ],
        environment: { PATH: '/var/lang/bin:/usr/local/bin:/usr/bin:/bin' },
      }),
    )
    const socket = await record.connection
    const answer = (): Promise<string> =>
      new Promise((resolve) => socket.once('data', (bytes) => resolve(String(bytes))))
    socket.write('first')
    expect(await answer()).toBe('FIRST')
    record.sandbox.freeze()
    record.sandbox.freeze()
    let early = false
    socket.once('data', () => (early = true))
    socket.write('second')
    // A whole other environment lives and dies in the time of a frozen one.
    await run('true').exit
    expect(early).toBe(false)
    const thawed = answer()
    record.sandbox.thaw()
    expect(await thawed).toBe('SECOND')
    record.sandbox.freeze()
    record.sandbox.kill()
    expect(await record.exit).toMatchObject({ signal: 'SIGKILL', outOfMemory: false })
    expect(record.sandbox.peakMemoryBytes()).toBeGreaterThan(4_000_000)
  })

  test('killing in any instant of its start ends it', async () => {
    for (let wait = 0; wait < 12; wait++) {
      const record = run('sleep 1000')
      // Not a wait for something to happen: the kill shall hit every state.
      await new Promise((resolve) => setTimeout(resolve, wait))
      const { pid } = record.sandbox
      record.sandbox.kill()
      expect(await record.exit).toMatchObject({ signal: 'SIGKILL' })
      expect(isRunning(pid)).toBe(false)
    }
  })

  test('what cannot be started is a failure that says why', async () => {
    const record = recordSandbox(driver, sandboxSpec({ taskDirectory: task, command: ['/var/task/bootstrap'] }))
    expect(await record.exit).toMatchObject({ failure: 'exec /var/task/bootstrap: ENOENT' })
    await writeFile(join(task, 'plain'), 'no program', { mode: 0o644 })
    const plain = recordSandbox(driver, sandboxSpec({ taskDirectory: task, command: ['/var/task/plain'] }))
    expect(await plain.exit).toMatchObject({ failure: 'exec /var/task/plain: EACCES' })
    const nowhere = recordSandbox(driver, sandboxSpec({ taskDirectory: join(folder, 'gone'), command: ['true'] }))
    expect((await nowhere.exit).failure).toContain("Can't find source path")
  })

  test('SIGTERM reaches every program', async () => {
    const record = run('trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.02; done')
    await record.firstLine
    record.sandbox.freeze()
    record.sandbox.terminate()
    expect(await record.exit).toMatchObject({ status: 7 })
    expect(record.text('stdout')).toBe('ready\nbye\n')
  })

  test('companions run beside the program with variables of their own and end with it', async () => {
    const record = recordSandbox(driver, {
      ...sandboxSpec({ taskDirectory: task, command: [] }),
      launch: (paths) => ({
        command: shell(
          'read line < /tmp/fifo 2>/dev/null; until [ -e /tmp/companion ]; do sleep 0.01; done; cat /tmp/companion',
        ),
        environment: { PATH: '/usr/bin:/bin' },
        workingDirectory: paths.task,
        companions: [
          {
            command: shell('echo "$NAME" > /tmp/c; mv /tmp/c /tmp/companion; sleep 1000'),
            environment: { NAME: 'extension', PATH: '/usr/bin:/bin' },
          },
        ],
      }),
    })
    expect(await record.exit).toMatchObject({ status: 0 })
    expect(record.text('stdout')).toBe('extension\n')
  })

  test('its part of a CPU holds when init is over', async () => {
    // Some 60 ms of work, at a tenth of a CPU.
    const record = run('echo start; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done', { cpus: 0.1 })
    await record.firstLine
    record.sandbox.limitCpus()
    const began = performance.now()
    expect(await record.exit).toMatchObject({ status: 0 })
    expect(performance.now() - began).toBeGreaterThan(90)
  })

  test('layers and the runtime are where they belong', async () => {
    await mkdir(join(folder, 'layer/bin'), { recursive: true })
    await writeFile(join(folder, 'layer/bin/tool'), '#!/bin/sh\necho tool\n', { mode: 0o755 })
    await mkdir(join(folder, 'runtime'), { recursive: true })
    await writeFile(join(folder, 'runtime/index.mjs'), '1')
    const record = run('/opt/bin/tool; ls /var/runtime', {
      layersDirectory: join(folder, 'layer'),
      runtimeDirectory: join(folder, 'runtime'),
    })
    expect(await record.exit).toMatchObject({ status: 0 })
    expect(record.text('stdout')).toBe('tool\nindex.mjs\n')
  })

  test('a second engine does not take the data folder of one that runs', async () => {
    await expect(new SandboxDriver({ dataDirectory: folder }).open()).rejects.toThrow(/one engine, one folder/)
  })

  test('its groups are in the record for whoever comes after', () => {
    const record = JSON.parse(readFileSync(join(folder, 'sandbox/engine.json'), 'utf8')) as {
      cgroups: Parameters<typeof foldersOf>[0]
    }
    for (const group of foldersOf(record.cgroups)) expect(existsSync(group)).toBe(true)
  })
})
