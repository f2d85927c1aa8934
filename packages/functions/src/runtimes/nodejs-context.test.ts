import { describe, expect, it } from 'vitest'
import { bodyOf, js, own, start, useNodeFunctions } from './testing/node-functions.ts'

useNodeFunctions()

describe('context and environment', () => {
  it('say all about the invocation', async () => {
    const runtime = await start(
      js(
        'exports.handler = async (e, c) => ({ ...c, left: c.getRemainingTimeInMillis(), trace: process.env._X_AMZN_TRACE_ID, argv: process.argv.length, cwd: process.cwd() })',
      ),
    )
    const answer = bodyOf(
      await runtime.invoke(
        {},
        {
          'Lambda-Runtime-Trace-Id': 'Root=1-2-3;Sampled=1',
          'Lambda-Runtime-Client-Context': '{"custom":{"a":"b"}}',
          'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
          'Lambda-Runtime-Aws-Tenant-Id': 'blue',
        },
      ),
    ) as { left: number }
    expect(answer).toMatchObject({
      functionName: 'fn',
      functionVersion: '$LATEST',
      memoryLimitInMB: '256',
      logGroupName: '/aws/lambda/fn',
      logStreamName: '2026/11/20/[$LATEST]0123456789abcdef0123456789abcdef',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      clientContext: { custom: { a: 'b' } },
      identity: { cognitoIdentityId: 'i', cognitoIdentityPoolId: 'p' },
      tenantId: 'blue',
      trace: 'Root=1-2-3;Sampled=1',
      argv: 2,
    })
    expect(answer.left).toBeGreaterThan(1000)
    expect(answer.left).toBeLessThanOrEqual(3000)
    expect(bodyOf(await runtime.invoke({}))).not.toHaveProperty('trace')
  })

  it('NODE_OPTIONS of the user is in force', async () => {
    const changes = { environment: { NODE_OPTIONS: '--stack-trace-limit=1' } }
    const runtime = await start(js('exports.handler = async () => Error.stackTraceLimit'), changes)
    expect(bodyOf(await runtime.invoke({}))).toBe(1)
  })

  it('InvokeStore knows the request', async () => {
    const runtime = await start(
      js(
        'exports.handler = async (e, c) => { awslambda.InvokeStore.set("k", 1); return [awslambda.InvokeStore.getRequestId() === c.awsRequestId, awslambda.InvokeStore.get("k")] }',
      ),
    )
    expect(bodyOf(await runtime.invoke({}))).toEqual([true, 1])
  })

  it('several at once with AWS_LAMBDA_MAX_CONCURRENCY', async () => {
    const text =
      'let n = 0; let go; const all = new Promise((r) => { go = r }); exports.handler = async (e, c) => { if (++n === 3) go(); await all; return awslambda.InvokeStore.getRequestId() === c.awsRequestId }'
    const runtime = await start(js(text), { environment: { AWS_LAMBDA_MAX_CONCURRENCY: '3' } })
    const outcomes = await Promise.all([1, 2, 3].map((n) => runtime.invoke({ n })))
    expect(outcomes.map(bodyOf)).toEqual([true, true, true])
  })
})

describe('the console', () => {
  it('writes a line a record', async () => {
    const runtime = await start(
      js(
        'console.log("init"); exports.handler = async (e, c) => { console.log("a\\nb", { x: 1 }); console.error(new Error("no").message); console.debug("%s!", "d"); console.warn("w"); console.trace("t"); return c.awsRequestId }',
      ),
    )
    const id = bodyOf(await runtime.invoke({})) as string
    const lines = (await runtime.output())
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(lines.map(([, ...rest]) => rest)).toEqual([
      [own === 'nodejs24.x' ? '-' : 'undefined', 'INFO', 'init'],
      [id, 'INFO', 'a\rb { x: 1 }'],
      [id, 'ERROR', 'no'],
      [id, 'DEBUG', 'd!'],
      [id, 'WARN', 'w'],
      [id, 'TRACE', 't'],
    ])
    expect(lines[0]![0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('writes JSON, and only what is important enough', async () => {
    const logging = { format: 'JSON', applicationLevel: 'INFO', systemLevel: undefined, group: 'g' } as const
    const runtime = await start(
      js(
        'exports.handler = async (e, c) => { console.debug("no"); console.info({ a: 1 }); console.error("failed", new TypeError("t")); console.log(new RangeError("r")); return c.awsRequestId }',
      ),
      { logging },
    )
    const requestId = bodyOf(await runtime.invoke({}))
    const lines = (await runtime.output())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(lines).toMatchObject([
      { level: 'INFO', requestId, message: { a: 1 }, timestamp: expect.any(String) },
      { level: 'ERROR', requestId, errorType: 'TypeError', errorMessage: 't', stackTrace: expect.any(Array) },
      { level: 'INFO', requestId, message: { errorType: 'RangeError', errorMessage: 'r' } },
    ])
  })

  it('writes whole lines however much it is', async () => {
    const runtime = await start(
      js(
        'process.stdout.write("raw\\n"); exports.handler = async () => { for (let i = 0; i < 300; i++) console.log("x".repeat(5000)) }',
      ),
    )
    await runtime.invoke({})
    expect((await runtime.output()).match(/x{5000}/g)).toHaveLength(300)
  })
})
