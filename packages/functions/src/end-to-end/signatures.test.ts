import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam'
import {
  CreateFunctionCommand,
  CreateFunctionUrlConfigCommand,
  GetFunctionCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { presignUrl, signRequest } from '../signature/index.ts'
import { startFunctions, type RunningFunctions } from './testing/start-functions.ts'
import { NODE_RUNTIME, zipOf } from './testing/zip-of.ts'

const KEY = { accessKeyId: 'AKIASEKISHO', secretAccessKey: 'right' }
let functions: RunningFunctions
beforeAll(async () => {
  functions = await startFunctions({ keys: [KEY] })
  await client().send(
    new CreateFunctionCommand({
      FunctionName: 'signed',
      Runtime: NODE_RUNTIME as 'nodejs22.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/r',
      Code: { ZipFile: await zipOf({ 'index.js': 'exports.handler = async (event) => event.rawPath ?? event' }) },
    }),
  )
})
afterAll(() => functions.stop())

const options = (credentials = KEY, region = 'us-east-1') => ({
  endpoint: functions.endpoint,
  region,
  credentials,
  maxAttempts: 1,
})
const client = (credentials = KEY, region?: string): LambdaClient => new LambdaClient(options(credentials, region))

describe('a platform that verifies signatures', () => {
  it('serves the SDK’s clients of all services', async () => {
    // Characters that are encoded once on the wire and twice in what is signed.
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:signed'
    const answer = await client().send(new InvokeCommand({ FunctionName: arn, Payload: '"ż"', LogType: 'Tail' }))
    expect(Buffer.from(answer.Payload ?? []).toString()).toBe('"ż"')
    const stream = await client().send(new InvokeWithResponseStreamCommand({ FunctionName: 'signed' }))
    let events = 0
    for await (const _event of stream.EventStream ?? []) events++
    expect(events).toBeGreaterThan(0)
    const role = new CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: '{"a": "b c"}' })
    expect((await new IAMClient(options()).send(role)).Role?.RoleName).toBe('r')
    expect((await new STSClient(options()).send(new GetCallerIdentityCommand({}))).Account).toBe('000000000000')
  })

  it('refuses others, whatever they ask for', async () => {
    const invoke = new InvokeCommand({ FunctionName: 'signed' })
    await expect(client({ ...KEY, secretAccessKey: 'wrong' }).send(invoke)).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    })
    await expect(client({ ...KEY, accessKeyId: 'unknown' }).send(invoke)).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    })
    await expect(client(KEY, 'eu-west-1').send(invoke)).rejects.toMatchObject({ name: 'InvalidSignatureException' })
    for (const path of ['/2015-03-31/functions/', '/sekisho/state', '/sekisho/functions/signed/logs']) {
      expect((await fetch(functions.endpoint + path)).status, path).toBe(403)
    }
    for (const path of ['/metrics', '/sekisho/health', '/sekisho/ready']) {
      expect((await fetch(functions.endpoint + path)).status, path).toBe(200)
    }
  })

  it('lets whoever has the link read a package', async () => {
    const { Code } = await client().send(new GetFunctionCommand({ FunctionName: 'signed' }))
    const answer = await fetch(Code?.Location ?? '')
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/zip'])
  })

  it('lets whoever signs call a function URL, by headers or by a signed link', async () => {
    await client().send(new CreateFunctionUrlConfigCommand({ FunctionName: 'signed', AuthType: 'AWS_IAM' }))
    const url = `${functions.endpoint}/lambda-url/signed/a?b=c`
    const request = { method: 'GET', url, service: 'lambda', region: 'us-east-1', credentials: KEY }
    const { host: _host, ...headers } = signRequest(request).headers
    expect(await (await fetch(url, { headers })).text()).toBe('/a')
    expect(await (await fetch(presignUrl({ ...request, expiresInSeconds: 60 }))).text()).toBe('/a')
    expect((await fetch(url)).status).toBe(403)
    expect((await fetch(url.replace('b=c', 'b=d'), { headers })).status).toBe(403)
  })
})
