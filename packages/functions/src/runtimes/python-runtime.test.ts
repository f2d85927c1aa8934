import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { DeployedFunction } from '../model/deployed-function.ts'
import { Interpreters } from './interpreters.ts'
import { RUNTIMES } from './runtime-names.ts'
import { deployedFunction } from './testing/deployed-function.ts'
import type { FakeOutcome } from './testing/fake-runtime-api.ts'
import { RunningRuntime, type RuntimeExit } from './testing/run-runtime.ts'

const interpreters = await Interpreters.find({})
const runtime = RUNTIMES.find((name) => name.startsWith('python') && typeof interpreters.of(name) === 'string')

let folder: string
let running: RunningRuntime | undefined
let count = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-python-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(async () => {
  await running?.stop()
  running = undefined
})

async function start(
  code: string | Record<string, string>,
  changes: Partial<DeployedFunction> = {},
): Promise<RunningRuntime> {
  const task = join(folder, String(count++))
  for (const [name, text] of Object.entries(typeof code === 'string' ? { 'app.py': code } : code)) {
    mkdirSync(dirname(join(task, name)), { recursive: true })
    writeFileSync(join(task, name), text)
  }
  const fn = deployedFunction(task, { runtime, handler: 'app.handler', ...changes })
  running = await RunningRuntime.start(fn, { interpreters })
  return running
}

const bodyOf = (outcome: FakeOutcome | RuntimeExit): unknown =>
  outcome.kind === 'exit' ? outcome : (JSON.parse(outcome.body.toString()) as unknown)

describe.skipIf(runtime === undefined)(
  `the Python runtime (${runtime ?? 'skipped: no python3.9 to 3.14 in PATH'})`,
  () => {
    it('answers, again and again', async () => {
      const started = await start('def handler(event, context):\n  return {"got": event, "text": "Zoë"}')
      for (let i = 0; i < 3; i++) expect(bodyOf(await started.invoke({ i }))).toEqual({ got: { i }, text: 'Zoë' })
    })

    it('finds a module in a folder, and packages of layers', async () => {
      const layers = join(folder, 'layers')
      mkdirSync(join(layers, 'python'), { recursive: true })
      writeFileSync(join(layers, 'python/inlayer.py'), 'VALUE = "layer"')
      const files = { 'src/main.py': 'import inlayer\ndef handler(e, c): return inlayer.VALUE' }
      const started = await start(files, { layersDirectory: layers, handler: 'src/main.handler' })
      expect(bodyOf(await started.invoke({}))).toBe('layer')
    })

    it('takes and gives megabytes', async () => {
      const started = await start('def handler(e, c): return e["text"]')
      const text = 'é'.repeat(2_000_000)
      expect(bodyOf(await started.invoke({ text }))).toBe(text)
    })

    it('gives a whole context', async () => {
      const started = await start(
        'import os\ndef handler(e, c):\n  return [c.function_name, c.function_version, c.memory_limit_in_mb, c.log_group_name, c.invoked_function_arn, c.client_context.custom, c.identity.cognito_identity_id, c.tenant_id, c.get_remaining_time_in_millis() > 1000, os.environ["_X_AMZN_TRACE_ID"]]',
      )
      const headers = {
        'Lambda-Runtime-Trace-Id': 'Root=1-2-3',
        'Lambda-Runtime-Client-Context': '{"custom":{"a":"b"}}',
        'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"i"}',
        'Lambda-Runtime-Aws-Tenant-Id': 'blue',
      }
      const arn = 'arn:aws:lambda:us-east-1:000000000000:function:fn'
      expect(bodyOf(await started.invoke({}, headers))).toEqual([
        'fn',
        '$LATEST',
        '256',
        '/aws/lambda/fn',
        arn,
        { a: 'b' },
        'i',
        'blue',
        true,
        'Root=1-2-3',
      ])
    })

    it('tells an exception with its trace, and goes on', async () => {
      const started = await start('def inner():\n  raise ValueError("no")\ndef handler(e, c):\n  inner()')
      for (let i = 0; i < 2; i++) {
        const outcome = await started.invoke({})
        expect(outcome).toMatchObject({
          kind: 'error',
          headers: { 'lambda-runtime-function-error-type': 'ValueError' },
        })
        expect(bodyOf(outcome)).toEqual({
          errorMessage: 'no',
          errorType: 'ValueError',
          requestId: expect.any(String),
          stackTrace: [expect.stringContaining('line 4, in handler'), expect.stringContaining('line 2, in inner')],
        })
      }
      expect(await started.output()).toContain('[ERROR] ValueError: no\rTraceback (most recent call last):')
    })

    it('says when an answer is no JSON', async () => {
      const started = await start('def handler(e, c): return {1, 2}')
      const errorMessage = 'Unable to marshal response: Object of type set is not JSON serializable'
      expect(bodyOf(await started.invoke({}))).toMatchObject({ errorType: 'Runtime.MarshalError', errorMessage })
    })

    it('ends with sys.exit', async () => {
      const started = await start('import sys\ndef handler(e, c): sys.exit(3)')
      expect(await started.invoke({})).toMatchObject({ kind: 'exit', status: 3 })
    })

    it.each([
      [
        'no module',
        {},
        'app.handler',
        'Runtime.ImportModuleError',
        "Unable to import module 'app': No module named 'app'",
      ],
      [
        'no function',
        { 'app.py': '' },
        'app.handler',
        'Runtime.HandlerNotFound',
        "Handler 'handler' missing on module 'app'",
      ],
      [
        'no dot',
        { 'app.py': '' },
        'app',
        'Runtime.MalformedHandlerName',
        "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
      ],
      ['syntax', { 'app.py': 'def (' }, 'app.handler', 'Runtime.UserCodeSyntaxError', "Syntax error in module 'app': "],
      ['its own', { 'app.py': 'raise KeyError("k")' }, 'app.handler', 'KeyError', "'k'"],
    ])('fails in init: %s', async (_what, files, handler, errorType, message) => {
      const started = await start({ 'other.py': '', ...files }, { handler })
      const error = bodyOf(await started.initError)
      expect(error).toMatchObject({ errorType, errorMessage: expect.stringContaining(message), requestId: '' })
      expect(await started.exited).toMatchObject({ status: 1 })
    })

    it('logs lines with level, time and request', async () => {
      const started = await start(
        'import logging\nlog = logging.getLogger()\nlog.setLevel(logging.INFO)\ndef handler(e, c):\n  log.info("a\\nb")\n  print("printed")\n  log.debug("no")\n  return c.aws_request_id',
      )
      const id = bodyOf(await started.invoke({})) as string
      const [first, second] = (await started.output()).split('\n')
      expect(first).toMatch(
        new RegExp(`^\\[INFO\\]\\t\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\\t${id}\\ta\\rb$`),
      )
      expect(second).toBe('printed')
    })

    it('logs JSON', async () => {
      const logging = { format: 'JSON', applicationLevel: 'INFO', systemLevel: undefined, group: 'g' } as const
      const started = await start(
        'import logging\ndef handler(e, c):\n  logging.info("x")\n  logging.debug("no")\n  return c.aws_request_id',
        { logging },
      )
      const requestId = bodyOf(await started.invoke({}))
      expect(JSON.parse(await started.output())).toMatchObject({
        level: 'INFO',
        message: 'x',
        logger: 'root',
        requestId,
      })
    })
  },
)
