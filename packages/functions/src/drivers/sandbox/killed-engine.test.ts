import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { foldersOf } from '../cgroup/cgroup-layout.ts'
import { isRunning } from '../testing/is-running.ts'
import { recordSandbox, sandboxSpec } from '../testing/record-sandbox.ts'
import { missingForSandbox, sandboxTitle } from '../testing/sandbox-support.ts'
import { readEngineRecord } from './engine-record.ts'
import { SandboxDriver } from './sandbox-driver.ts'

/** The built driver, in a process that can be killed. Prints the host's number of each function's program when all run. */
const ENGINE = `
import { SandboxDriver } from ${JSON.stringify(new URL('../../../dist/drivers/sandbox/sandbox-driver.js', import.meta.url).href)}
const [folder, count, freeze] = process.argv.slice(1)
const driver = new SandboxDriver({ dataDirectory: folder })
await driver.open()
let ready = 0
for (let i = 0; i < Number(count); i++) {
  const sandbox = driver.start(
    { id: 'e' + i, taskDirectory: '/usr/share', memoryMb: 64, ephemeralStorageMb: 1, network: 'none',
      launch: () => ({ command: ['sh', '-c', 'setsid sleep 1000 & echo ready; sleep 1000'], environment: { PATH: '/usr/bin:/bin' }, workingDirectory: '/', companions: [] }) },
    { onConnection() {}, onExit() {}, onOutput() { if (freeze) sandbox.freeze(); if (++ready === Number(count)) console.log('ready') } },
  )
}
if (freeze === undefined) console.log('started')
`

describe.skipIf(missingForSandbox !== '')(sandboxTitle('an engine that is killed'), () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sekisho-killed-'))
  })

  afterEach(() => rm(folder, { recursive: true }))

  /** Starts an engine with so many functions and kills it when it has said the word, or some time after it has started them. */
  async function killEngine(count: number, word: string, afterMs: number): Promise<string> {
    const engine = spawn(
      process.execPath,
      ['--input-type=module', '-e', ENGINE, folder, String(count), ...(word === 'ready' ? ['freeze'] : [])],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    for await (const line of createInterface(engine.stdout)) if (line === word) break
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs))
    const ended = new Promise((resolve) => engine.once('exit', resolve))
    engine.kill('SIGKILL')
    await ended
    return join(folder, 'sandbox')
  }

  const processesOf = async (data: string): Promise<readonly number[]> => {
    const { execFileSync } = await import('node:child_process')
    const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n')
    const record = await readEngineRecord(join(data, 'engine.json'))
    const groups = record === undefined ? [] : foldersOf(record.cgroups)
    const joined = groups.flatMap(
      (group) =>
      execFileSync('find', [group, '-name', 'cgroup.procs', '-exec', 'cat', '{}', '+'], { encoding: 'utf8' }).split('\n').filter((pid) => pid !== '').map(Number), // prettier-ignore
    )
    return [...lines.filter((line) => line.includes(data)).map((line) => Number.parseInt(line, 10)), ...joined]
  }

  test('leaves no process even of frozen functions, and the next one removes its groups', async () => {
    const data = await killEngine(3, 'ready', 0)
    const { cgroups } = (await readEngineRecord(join(data, 'engine.json')))!
    // Without anybody's help: bubblewrap ends with its parent, and takes process 1 with it.
    await expect.poll(async () => (await processesOf(data)).filter(isRunning)).toEqual([])
    expect(foldersOf(cgroups).every((group) => existsSync(group))).toBe(true)
    const next = new SandboxDriver({ dataDirectory: folder })
    await next.open()
    expect(foldersOf(cgroups).filter((group) => existsSync(group))).toEqual([])
    const record = recordSandbox(next, sandboxSpec({ command: ['echo', 'works'] }))
    expect(await record.firstLine).toBe('works')
    await next.close()
  })

  test('leaves nothing for long in whatever instant of starts it is killed', async () => {
    for (const afterMs of [0, 3, 8]) {
      const data = await killEngine(4, 'started', afterMs)
      const next = new SandboxDriver({ dataDirectory: folder })
      await next.open()
      await next.close()
      await expect.poll(async () => (await processesOf(data)).filter(isRunning)).toEqual([])
    }
  })

  test('a record that is none is not taken for one', async () => {
    const data = await killEngine(1, 'started', 0)
    const { writeFile } = await import('node:fs/promises')
    const whole = await readFile(join(data, 'engine.json'), 'utf8')
    await writeFile(join(data, 'engine.json'), whole.slice(0, 20))
    await expect(new SandboxDriver({ dataDirectory: folder }).open()).rejects.toThrow(/is not a record of an engine/)
    await writeFile(join(data, 'engine.json'), whole)
    const next = new SandboxDriver({ dataDirectory: folder })
    await next.open()
    await next.close()
  })
})
