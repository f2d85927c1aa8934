import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createDriver } from '../drivers/create-driver.ts'
import type { Driver, DriverName } from '../drivers/driver.ts'
import type { InvocationResult } from '../engine/invocation.ts'
import { LambdaEngine } from '../engine/lambda-engine.ts'
import { openRuntimeApi } from '../engine/open-runtime-api.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import { Interpreters } from '../runtimes/interpreters.ts'
import { planLaunch } from '../runtimes/plan-launch.ts'
import { asDeployed, node24, testFunctions, type TestFunction } from './testing/test-functions.ts'

const TESTS = testFunctions()
const DRIVERS: readonly DriverName[] = ['process', 'sandbox']

/** Why a driver cannot be used here; undefined: it can. */
async function whyNot(name: DriverName): Promise<string | undefined> {
  const driver = await createDriver(name, { dataDirectory: join(tmpdir(), 'sekisho-behaviours-check') })
  const failed = (await driver.check()).find(({ required, fulfilled }) => required && !fulfilled)
  return failed && `${failed.what}: ${failed.detail}`
}
const REASONS = new Map(await Promise.all(DRIVERS.map(async (name) => [name, await whyNot(name)] as const)))

const title = (test: TestFunction, driver: DriverName): string => {
  const reason = test.directory === undefined ? test.why : REASONS.get(driver)
  return `${test.name} in ${driver}${reason === undefined ? '' : ` (skipped: ${reason})`}`
}
const CASES = DRIVERS.flatMap((driver) => TESTS.map((test) => [title(test, driver), driver, test] as const))

/** What every variable list has, and what the user's own code could set: section 1 of the platform's reference. */
const VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_XRAY_CONTEXT_MISSING',
  'AWS_XRAY_DAEMON_ADDRESS',
  '_AWS_XRAY_DAEMON_ADDRESS',
  '_AWS_XRAY_DAEMON_PORT',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
  'LANG',
  'TZ',
  'PATH',
  'LD_LIBRARY_PATH',
  '_HANDLER',
]

describe.each(CASES)('%s', (_title, driverName, test) => {
  const present = test.directory !== undefined && REASONS.get(driverName) === undefined
  let folder: string
  let driver: Driver
  let engine: LambdaEngine
  let interpreters: Interpreters

  beforeAll(async () => {
    if (!present) return
    interpreters = await Interpreters.find(node24 === undefined ? {} : { 'nodejs24.x': node24 })
    folder = await mkdtemp(join(tmpdir(), 'sekisho-behaviours-'))
    driver = await createDriver(driverName, { dataDirectory: folder })
    await driver.open()
    engine = new LambdaEngine({
      driver,
      openApi: openRuntimeApi('000000000000'),
      planLaunch: (fn) => planLaunch(fn, { interpreters }),
      settings: { maxMemoryMb: 100_000, cpu: 'unlimited' },
    })
  })
  afterEach(async () => {
    // Each test has a revision of its own, so that environments with other variables are not found by it.
    if (present) engine.retire(test.name, '$LATEST', undefined)
  })
  afterAll(async () => {
    if (!present) return
    await engine.close()
    await driver.close()
    await rm(folder, { recursive: true, force: true })
  })

  const deployed = (environment: Record<string, string> = {}, changes: Partial<DeployedFunction> = {}) =>
    asDeployed(test, { revisionId: randomUUID(), environment, ...changes })

  function invoke(fn: DeployedFunction, event: unknown, pieces?: string[]): Promise<InvocationResult> {
    return new Promise((resolve, reject) => {
      const onChunk = (chunk: Uint8Array): boolean => {
        pieces!.push(Buffer.from(chunk).toString())
        return true
      }
      engine.invoke(
        {
          requestId: randomUUID(),
          function: fn,
          invokedArn: fn.arn,
          payload: Buffer.from(JSON.stringify(event)),
          traceId: undefined,
          clientContext: undefined,
          cognitoIdentity: undefined,
          tenantId: undefined,
          tail: true,
        },
        {
          streaming: pieces && { onStart: () => undefined, onChunk },
          onResult: resolve,
          onRefused: reject,
        },
      )
    })
  }
  const read = ({ payload }: InvocationResult): unknown => JSON.parse(payload.toString()) as unknown

  it.runIf(present)('success: answers what it got, in the same environment', async () => {
    const fn = deployed()
    expect(read(await invoke(fn, { do: 'echo', foo: 'bär' }))).toEqual({ do: 'echo', foo: 'bär' })
    expect(read(await invoke(fn, { do: 'write' }))).toEqual({ file: 1, memory: 2 })
    const result = await invoke(fn, { do: 'write' })
    expect(read(result)).toEqual({ file: 2, memory: 3 })
    expect(result).toMatchObject({ functionError: undefined, figures: { initMs: undefined } })
  })

  it.runIf(present)('error: the caller gets it, and the environment stays', async () => {
    const fn = deployed()
    const result = await invoke(fn, { do: 'error' })
    expect(result.functionError).toBe('Unhandled')
    expect(read(result)).toMatchObject({ errorMessage: 'asked to fail' })
    expect(read(await invoke(fn, { do: 'write' }))).toMatchObject({ memory: 2 })
  })

  it.runIf(present).each([
    ['crash', /Runtime exited with error: signal: (aborted|killed)/],
    ['exit', /Runtime exited with error: exit status 7$/],
  ])('%s: the caller is told, and the next call has a fresh environment', async (what, message) => {
    const fn = deployed()
    const result = await invoke(fn, { do: what })
    expect(read(result)).toMatchObject({ errorType: 'Runtime.ExitError', errorMessage: expect.stringMatching(message) })
    expect(read(await invoke(fn, { do: 'write' }))).toMatchObject({ memory: 1 })
  })

  it.runIf(present)('exit in init: the caller is told', async () => {
    const result = await invoke(deployed({ INIT_DO: 'exit' }), {})
    expect(read(result)).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringMatching(/exit status 7$/),
    })
  })

  if (!['go', 'rust-runtime'].includes(test.name)) {
    // These two clients have no call for it.
    it.runIf(present)('init/error: the caller gets what was posted', async () => {
      const result = await invoke(deployed({ INIT_DO: 'error' }), {})
      expect(read(result)).toMatchObject({ errorType: 'TestError', errorMessage: 'asked to fail' })
    })
  }

  it.runIf(present)('slow init: is waited for and measured', async () => {
    const result = await invoke(deployed({ INIT_DO: 'sleep:200' }), { do: 'echo' })
    expect(read(result)).toEqual({ do: 'echo' })
    expect(result.figures.initMs).toBeGreaterThanOrEqual(199)
  })

  it.runIf(present)('timeout: is kept', async () => {
    const fn = deployed({}, { timeoutMs: 300 })
    await invoke(fn, { do: 'echo' })
    expect(read(await invoke(fn, { do: 'sleep', ms: 60_000 }))).toMatchObject({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 0\.30 seconds$/),
    })
  })

  if (driverName === 'sandbox') {
    // The process driver looks at the memory four times a second: by then a hungry function has taken gigabytes of this host.
    it.runIf(present)('out of memory: ends it', async () => {
      const result = await invoke(deployed({}, { memoryMb: 128 }), { do: 'memory' })
      expect(result.functionError).toBe('Unhandled')
      expect(read(result)).toMatchObject({ errorType: expect.stringMatching(/^Runtime\.(OutOfMemory|ExitError)$/) })
    })
  }

  it.runIf(present)('huge answer: is refused, and the next call works', async () => {
    const fn = deployed()
    expect(read(await invoke(fn, { do: 'huge' }))).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' })
    expect(read(await invoke(fn, { do: 'echo' }))).toEqual({ do: 'echo' })
  })

  it.runIf(present)('streaming: pieces arrive, or are collected', async () => {
    const fn = deployed(test.streaming)
    const pieces: string[] = []
    const streamed = await invoke(fn, { do: 'stream' }, pieces)
    expect(streamed.functionError).toBeUndefined()
    const body = pieces.join('') + streamed.payload.toString()
    expect(body.slice(body.lastIndexOf('\0') + 1)).toBe('onetwothree')
    const collected = (await invoke(fn, { do: 'stream' })).payload.toString()
    expect(collected.slice(collected.lastIndexOf('\0') + 1)).toBe('onetwothree')
  })

  it.runIf(present)('concurrent calls: an environment each', async () => {
    const fn = deployed()
    const results = await Promise.all([1, 2, 3].map(() => invoke(fn, { do: 'sleep', ms: 500 })))
    expect(results.map(read)).toEqual([{ slept: 500 }, { slept: 500 }, { slept: 500 }])
    expect(results.every(({ figures }) => figures.initMs !== undefined)).toBe(true)
  })

  it.runIf(present)('environment: all variables, and the user’s', async () => {
    const fn = deployed({ OWN: 'mine' })
    const variables = read(await invoke(fn, { do: 'environment' })) as Record<string, string>
    expect(variables).toMatchObject({
      OWN: 'mine',
      AWS_LAMBDA_FUNCTION_NAME: test.name,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${test.name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      TZ: ':UTC',
    })
    if (test.name !== 'rust-std') return
    const more = driverName === 'process' ? ['OWN', 'TMPDIR'] : ['OWN']
    expect(Object.keys(variables).toSorted()).toEqual([...VARIABLES, ...more].toSorted())
    if (driverName === 'sandbox') expect(variables).toMatchObject({ LAMBDA_TASK_ROOT: '/var/task' })
  })

  it.runIf(present)('log: lines of both streams are in the tail', async () => {
    const result = await invoke(deployed(), { do: 'log' })
    const lines = result.logTail!.toString()
    expect(lines).toMatch(/^START RequestId: /m)
    expect(lines).toContain('to stdout\n')
    expect(lines).toContain('to stderr\n')
    expect(lines).toMatch(/^REPORT RequestId: .*\tMemory Size: 256 MB\tMax Memory Used: \d+ MB\tInit Duration: /m)
  })
})
