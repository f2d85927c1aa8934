import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { ProcessDriver } from '../drivers/process/process-driver.ts'
import { isRunning } from '../drivers/testing/is-running.ts'
import { LogStore } from '../logs/log-store.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import type { ServiceError } from '../model/service-error.ts'
import type { InvocationResult } from './invocation.ts'
import { LambdaEngine } from './lambda-engine.ts'
import { openRuntimeApi } from './open-runtime-api.ts'
import { deployed } from './testing/fake-engine.ts'

const BOOTSTRAP = fileURLToPath(new URL('./testing/bootstrap.cjs', import.meta.url))

let folder: string
let driver: ProcessDriver
let logs: LogStore
let engine: LambdaEngine

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sekisho-engine-'))
  logs = new LogStore({ directory: join(folder, 'logs') })
  driver = new ProcessDriver({ dataDirectory: folder })
  await driver.open()
})

afterEach(async () => {
  await engine.close()
  expect(engine.environments).toBe(0)
})

afterAll(async () => {
  await driver.close()
  await logs.close()
  await rm(folder, { recursive: true, force: true })
})

function start(settings: ConstructorParameters<typeof LambdaEngine>[0]['settings'] = {}): void {
  engine = new LambdaEngine({
    driver,
    openApi: openRuntimeApi('000000000000'),
    logs,
    planLaunch: (fn) => ({
      runtimeDirectory: undefined,
      interpreter: process.execPath,
      launch: (paths, facts) => ({
        command: [paths.interpreter!, BOOTSTRAP],
        environment: { ...fn.environment, AWS_LAMBDA_RUNTIME_API: facts.runtimeApi },
        workingDirectory: folder,
        companions: [],
      }),
    }),
    settings: { maxMemoryMb: 100_000, ...settings },
  })
}

type Told = Partial<InvocationResult> & { readonly refused?: ServiceError; readonly text: string; readonly id: string }

function invoke(fn: DeployedFunction, event: unknown, options: { tail?: boolean; pieces?: string[] } = {}) {
  const requestId = randomUUID()
  const { pieces } = options
  return new Promise<Told>((resolve) => {
    engine.invoke(
      {
        requestId,
        function: fn,
        invokedArn: fn.arn,
        payload: Buffer.from(JSON.stringify(event)),
        traceId: undefined,
        clientContext: undefined,
        cognitoIdentity: undefined,
        tenantId: undefined,
        tail: options.tail ?? false,
      },
      {
        streaming:
          pieces === undefined
            ? undefined
            : {
                onStart: (contentType) => void pieces.push(`(${contentType})`),
                onChunk: (chunk) => {
                  pieces.push(Buffer.from(chunk).toString())
                  return true
                },
              },
        onResult: (result) => resolve({ ...result, text: result.payload.toString(), id: requestId }),
        onRefused: (refused) => resolve({ refused, text: '', id: requestId }),
      },
    )
  })
}

const fn = deployed({ timeoutMs: 10_000, memoryMb: 512 })

it('runs calls in one process after another, and at a time in several', async () => {
  start()
  const first = JSON.parse((await invoke(fn, { do: 'echo', a: 1 })).text) as Record<string, unknown>
  expect(first).toMatchObject({ do: 'echo', a: 1, count: 1 })
  for (let i = 2; i <= 5; i++) {
    expect(JSON.parse((await invoke(fn, { do: 'echo' })).text)).toMatchObject({ count: i, pid: first['pid'] })
  }
  const pids = new Set<number>()
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 20; i++)
        pids.add((JSON.parse((await invoke(fn, { do: 'echo' })).text) as { pid: number }).pid)
    }),
  )
  // More than four only where one took its time to ask for its next event.
  expect(pids.size).toBeGreaterThan(1)
  expect(pids.size).toBeLessThanOrEqual(12)
  await engine.close()
  for (const pid of pids) expect(isRunning(pid)).toBe(false)
})

it('tells of errors, exits, signals and answers that are too large', async () => {
  start()
  expect(await invoke(fn, { do: 'fail' })).toMatchObject({
    text: '{"errorType":"Sad","errorMessage":"no"}',
    functionError: 'Unhandled',
    errorType: 'Function.Sad',
  })
  const exit = await invoke(fn, { do: 'exit', status: 5 })
  expect(JSON.parse(exit.text)).toEqual({
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${exit.id} Error: Runtime exited with error: exit status 5`,
  })
  expect((await invoke(fn, { do: 'segfault' })).text).toContain('signal: segmentation fault')
  expect(await invoke(fn, { do: 'huge' })).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' })
  expect((await invoke(fn, { do: 'echo' })).text).toContain('"count":2')
})

it('ends what takes too long, with all its children', async () => {
  start()
  const hanging = deployed({ timeoutMs: 1000, memoryMb: 512 })
  const first = JSON.parse((await invoke(hanging, { do: 'echo' })).text) as { pid: number }
  const told = await invoke(hanging, { do: 'hang', child: true })
  expect(told).toMatchObject({ errorType: 'Sandbox.Timedout', figures: { durationMs: 1000, billedMs: 1000 } })
  await engine.close()
  expect(isRunning(first.pid)).toBe(false)
})

it('ends what takes too much memory', async () => {
  start()
  const told = await invoke(deployed({ memoryMb: 128, timeoutMs: 20_000 }), { do: 'eat' })
  expect(told.errorType).toBe('Runtime.ExitError')
  expect(told.text).toContain('signal: killed')
  expect(told.figures!.maxMemoryMb).toBe(128)
})

it('streams', async () => {
  start()
  const pieces: string[] = []
  const told = await invoke(fn, { do: 'stream' }, { pieces })
  expect(pieces[0]).toBe('(text/plain)')
  expect(pieces.slice(1).join('')).toBe('one two')
  expect(told.functionError).toBeUndefined()
  expect((await invoke(fn, { do: 'stream' })).text).toBe('one two')
})

it.runIf(process.platform === 'linux')('freezes between calls (/proc)', async () => {
  start()
  const { pid } = JSON.parse((await invoke(fn, { do: 'echo' })).text) as { pid: number }
  const state = () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]![0]
  await expect.poll(state).toBe('T')
  expect(JSON.parse((await invoke(fn, { do: 'echo' })).text)).toMatchObject({ pid, count: 2 })
})

it.each([
  ['exit', 'Runtime.ExitError', 'exit status 3'],
  ['error', 'Runtime.Sad', '"errorMessage":"no"'],
  ['hang', 'Sandbox.Timedout', 'Task timed out after 1.00 seconds'],
])('an init that goes wrong (%s) is tried again and then told', async (init, errorType, words) => {
  start({ initTimeoutMs: 500 })
  const broken = deployed({ name: `init-${init}`, environment: { INIT: init }, timeoutMs: 1000, memoryMb: 512 })
  const told = await invoke(broken, {})
  expect(told.errorType).toBe(errorType)
  expect(told.text).toContain(words)
  const texts: string[] = []
  for await (const { text } of logs.read(`init-${init}`)) texts.push(text)
  expect(texts.filter((text) => text.startsWith('INIT_REPORT'))).toHaveLength(2)
  expect(texts.at(-1)).toMatch(/^REPORT .*Status: (error|timeout)/)
})

it('keeps logs, and gives the end of them', async () => {
  start()
  const named = deployed({ name: 'printing', timeoutMs: 10_000, memoryMb: 512 })
  const told = await invoke(named, { do: 'print', text: 'one\ntwo' }, { tail: true })
  const tail = told.logTail!.toString().split('\n')
  expect(tail[0]).toBe(`START RequestId: ${told.id} Version: $LATEST`)
  expect(tail).toEqual(expect.arrayContaining(['one', 'two', 'to stderr']))
  expect(tail.at(-2)).toMatch(/^REPORT RequestId: .*Max Memory Used: [1-9]\d* MB\tInit Duration: .* ms\t$/)
  const texts: string[] = []
  for await (const { text } of logs.read('printing')) texts.push(text)
  expect(texts).toEqual([expect.stringContaining('INIT_START'), ...tail.slice(0, -1)])
})

it('keeps environments of provisioned concurrency ready', async () => {
  start()
  engine.provision(fn, 2)
  await expect.poll(() => engine.provisioned('echo', '$LATEST')?.status, { timeout: 10_000 }).toBe('READY')
  expect((await invoke(fn, { do: 'echo' })).figures!.initMs).toBeUndefined()
  expect(engine.metrics()).toContain('sekisho_function_invocations_total{function="echo"} 1')
})
