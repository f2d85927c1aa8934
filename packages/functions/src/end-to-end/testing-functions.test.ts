import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { DeployedFunction } from '../model/deployed-function.ts'
import { Interpreters } from '../runtimes/interpreters.ts'
import type { FakeOutcome } from '../runtimes/testing/fake-runtime-api.ts'
import { RunningRuntime } from '../runtimes/testing/run-runtime.ts'
import { asDeployed, node24, testFunctions, type TestFunction } from './testing/test-functions.ts'

// The test functions themselves, against the simplest Runtime API there is: what fails here is not the engine's fault.
describe.each(testFunctions().map((test) => [title(test), test] as const))('%s', (_title, test) => {
  let interpreters: Interpreters
  let running: RunningRuntime | undefined
  beforeAll(async () => {
    interpreters = await Interpreters.find(node24 === undefined ? {} : { 'nodejs24.x': node24 })
  })
  afterEach(async () => {
    await running?.stop()
    running = undefined
  })

  async function start(environment: Record<string, string> = {}, changes: Partial<DeployedFunction> = {}) {
    running = await RunningRuntime.start(asDeployed(test, { ...changes, environment }), { interpreters })
    return running
  }
  const parse = (outcome: object): unknown => JSON.parse((outcome as FakeOutcome).body.toString()) as unknown

  const present = test.directory !== undefined
  it.runIf(present)('answers what it got, sleeps, counts and shows its variables', async () => {
    const runtime = await start({ OWN: 'a "quoted" value' })
    expect(parse(await runtime.invoke({ do: 'echo', foo: 'bär' }))).toEqual({ do: 'echo', foo: 'bär' })
    expect(parse(await runtime.invoke({ do: 'sleep', ms: 20 }))).toEqual({ slept: 20 })
    expect(parse(await runtime.invoke({ do: 'write' }))).toEqual({ file: 1, memory: 3 })
    expect(parse(await runtime.invoke({ do: 'write' }))).toEqual({ file: 2, memory: 4 })
    expect(parse(await runtime.invoke({ do: 'environment' }))).toMatchObject({
      OWN: 'a "quoted" value',
      AWS_LAMBDA_FUNCTION_NAME: test.name,
      _HANDLER: 'index.handler',
    })
  })

  it.runIf(present)('fails when it is asked to, and goes on', async () => {
    const runtime = await start()
    const outcome = await runtime.invoke({ do: 'error' })
    expect(outcome.kind).toBe('error')
    expect(parse(outcome)).toMatchObject({ errorMessage: 'asked to fail' })
    expect(parse(await runtime.invoke({ do: 'echo' }))).toEqual({ do: 'echo' })
  })

  it.runIf(present).each(['crash', 'exit'])('%s ends it', async (what) => {
    const runtime = await start()
    const outcome = await runtime.invoke({ do: what })
    expect(outcome).toMatchObject(what === 'exit' ? { kind: 'exit', status: 7 } : { kind: 'exit', status: null })
  })

  it.runIf(present)('answers 7 MB', async () => {
    const runtime = await start()
    expect(((await runtime.invoke({ do: 'huge' })) as FakeOutcome).body).toHaveLength(7_000_002)
  })

  it.runIf(present)('streams', async () => {
    const runtime = await start(test.streaming)
    const outcome = (await runtime.invoke({ do: 'stream' })) as FakeOutcome
    const body = outcome.body.toString()
    // The lambda_runtime crate puts a prelude before its streams.
    expect(body.slice(body.lastIndexOf('\0') + 1)).toBe('onetwothree')
    expect(outcome.headers['transfer-encoding']).toBe('chunked')
  })

  it.runIf(present)('exits in init', async () => {
    const runtime = await start({ INIT_DO: 'exit' })
    expect(await runtime.exited).toMatchObject({ status: 7 })
  })
})

function title(test: TestFunction): string {
  return test.directory === undefined ? `${test.name} (skipped: ${test.why})` : test.name
}
