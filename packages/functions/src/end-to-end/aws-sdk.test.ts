import {
  AddLayerVersionPermissionCommand,
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionCommand,
  CreateFunctionUrlConfigCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  DeleteFunctionUrlConfigCommand,
  GetAccountSettingsCommand,
  GetAliasCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  GetLayerVersionByArnCommand,
  GetPolicyCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
  ListFunctionsCommand,
  ListLayersCommand,
  ListTagsCommand,
  ListVersionsByFunctionCommand,
  paginateListFunctions,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  PutProvisionedConcurrencyConfigCommand,
  RemovePermissionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionExists,
  waitUntilFunctionUpdatedV2,
  waitUntilPublishedVersionActive,
  type CreateFunctionCommandInput,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFunctions, type RunningFunctions } from './testing/start-functions.ts'
import { NODE_RUNTIME, zipOf } from './testing/zip-of.ts'

const ROLE = 'arn:aws:iam::000000000000:role/r'
const HANDLER = `
exports.handler = async (event, context) => {
  if (event.do === 'error') throw new TypeError('boom')
  if (event.do === 'exit') process.exit(3)
  if (event.do === 'sleep') await new Promise((resolve) => setTimeout(resolve, event.ms))
  console.log('hello', event.n)
  return { event, version: context.functionVersion, arn: context.invokedFunctionArn, greeting: process.env.GREETING }
}
exports.stream = awslambda.streamifyResponse(async (event, stream) => {
  for (const piece of event.pieces) stream.write(piece)
  if (event.fail) throw new Error('half way')
  stream.end()
})
exports.http = async (event) => ({ statusCode: 201, headers: { 'x-path': event.rawPath }, cookies: ['a=b'], body: event.body })
`

let functions: RunningFunctions
let lambda: LambdaClient
let ZipFile: Buffer

beforeAll(async () => {
  ZipFile = await zipOf({ 'index.js': HANDLER })
  functions = await startFunctions()
  lambda = new LambdaClient({
    endpoint: functions.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  })
})
afterAll(async () => {
  lambda.destroy()
  await functions.stop()
})

const wait = (): { client: LambdaClient; maxWaitTime: number } => ({ client: lambda, maxWaitTime: 10 })
const create = (FunctionName: string, more: Partial<CreateFunctionCommandInput> = {}) =>
  lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: NODE_RUNTIME as 'nodejs22.x',
      Handler: 'index.handler',
      Role: ROLE,
      Code: { ZipFile },
      Timeout: 10,
      ...more,
    }),
  )
const invoke = async (FunctionName: string, event: object = {}, Qualifier?: string) => {
  const Payload = JSON.stringify(event)
  const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload, Qualifier }))
  return { ...answer, value: JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as Record<string, unknown> }
}

describe('a function, through @aws-sdk/client-lambda', () => {
  it('is created, waited for, shown and invoked', async () => {
    const created = await create('life', { Description: 'a', Environment: { Variables: { GREETING: 'żółw' } } })
    expect(created).toMatchObject({ FunctionName: 'life', Version: '$LATEST', PackageType: 'Zip', MemorySize: 128 })
    const { state } = await waitUntilFunctionActiveV2(wait(), { FunctionName: 'life' })
    expect(state).toBe('SUCCESS')
    await waitUntilFunctionExists(wait(), { FunctionName: 'life' })

    const { Configuration, Code } = await lambda.send(new GetFunctionCommand({ FunctionName: 'life' }))
    expect(Configuration).toMatchObject({ State: 'Active', LastUpdateStatus: 'Successful', CodeSize: ZipFile.length })
    const location = await fetch(Code?.Location ?? '')
    expect(Buffer.from(await location.arrayBuffer()).equals(ZipFile)).toBe(true)

    const { value, StatusCode, ExecutedVersion } = await invoke('life', { n: 1 })
    expect([StatusCode, ExecutedVersion]).toEqual([200, '$LATEST'])
    expect(value).toEqual({
      event: { n: 1 },
      version: '$LATEST',
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:life',
      greeting: 'żółw',
    })
  })

  it('is refused by AWS’s names', async () => {
    await expect(create('life')).rejects.toMatchObject({ name: 'ResourceConflictException' })
    await expect(create('bad name')).rejects.toMatchObject({ name: 'ValidationException' })
    await expect(create('b', { Code: { ZipFile: Buffer.from('no zip') } })).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    })
    await expect(lambda.send(new GetFunctionCommand({ FunctionName: 'nobody' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody',
    })
    await expect(invoke('nobody')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody:$LATEST',
    })
  })

  it('is updated', async () => {
    const before = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: 'life' }))
    await lambda.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: 'life',
        Environment: { Variables: { GREETING: 'new' } },
        MemorySize: 256,
      }),
    )
    await waitUntilFunctionUpdatedV2(wait(), { FunctionName: 'life' })
    expect((await invoke('life')).value).toMatchObject({ greeting: 'new' })

    const stale = new UpdateFunctionCodeCommand({ FunctionName: 'life', ZipFile, RevisionId: before.RevisionId })
    await expect(lambda.send(stale)).rejects.toMatchObject({ name: 'PreconditionFailedException' })
    const code = await zipOf({ 'index.mjs': 'export const handler = async () => "second"' })
    await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: 'life', ZipFile: code }))
    await waitUntilFunctionUpdatedV2(wait(), { FunctionName: 'life' })
    expect((await invoke('life')).value).toBe('second')
    await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: 'life', ZipFile }))
  })

  it('has versions and aliases with weights', async () => {
    const FunctionName = 'life'
    const one = await lambda.send(new PublishVersionCommand({ FunctionName, Description: 'one' }))
    expect(one).toMatchObject({ Version: '1', FunctionArn: expect.stringMatching(/:life:1$/) as string })
    await waitUntilPublishedVersionActive(wait(), { FunctionName, Qualifier: '1' })
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Description: 'changed' }))
    expect(await lambda.send(new PublishVersionCommand({ FunctionName }))).toMatchObject({ Version: '2' })
    const { Versions } = await lambda.send(new ListVersionsByFunctionCommand({ FunctionName }))
    expect(Versions?.map(({ Version }) => Version)).toEqual(['$LATEST', '1', '2'])

    await lambda.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1' }))
    const live = await invoke('life', {}, 'live')
    expect([live.ExecutedVersion, live.value['version']]).toEqual(['1', '1'])
    expect(live.value['arn']).toBe('arn:aws:lambda:us-east-1:000000000000:function:life:live')
    expect((await invoke('life:live')).ExecutedVersion).toBe('1')

    const AdditionalVersionWeights = { '2': 1 }
    await lambda.send(
      new UpdateAliasCommand({ FunctionName, Name: 'live', RoutingConfig: { AdditionalVersionWeights } }),
    )
    expect((await invoke('life', {}, 'live')).ExecutedVersion).toBe('2')
    expect(await lambda.send(new GetAliasCommand({ FunctionName, Name: 'live' }))).toMatchObject({
      FunctionVersion: '1',
      RoutingConfig: { AdditionalVersionWeights },
    })
    await lambda.send(new DeleteAliasCommand({ FunctionName, Name: 'live' }))
    await expect(invoke('life', {}, 'live')).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  })

  it('fails, and says so with status 200', async () => {
    const failed = await invoke('life', { do: 'error' })
    expect(failed).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' })
    expect(failed.value).toMatchObject({ errorType: 'TypeError', errorMessage: 'boom' })
    const exited = await invoke('life', { do: 'exit' })
    expect(exited.value).toMatchObject({ errorType: 'Runtime.ExitError' })
    expect(exited.value['errorMessage']).toMatch(
      /^RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3$/,
    )
  })

  it('is throttled', async () => {
    const FunctionName = 'life'
    await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }))
    await expect(invoke('life')).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    })
    expect(await lambda.send(new GetFunctionConcurrencyCommand({ FunctionName }))).toMatchObject({
      ReservedConcurrentExecutions: 0,
    })
    await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }))
    expect((await invoke('life')).StatusCode).toBe(200)
  })

  it('tells the end of its log', async () => {
    const command = new InvokeCommand({ FunctionName: 'life', LogType: 'Tail', Payload: '{"n":7}' })
    const { LogResult, $metadata } = await lambda.send(command)
    const lines = Buffer.from(LogResult ?? '', 'base64')
      .toString()
      .split('\n')
    const id = $metadata.requestId
    expect(lines[0]).toBe(`START RequestId: ${id} Version: $LATEST`)
    expect(lines[1]).toMatch(new RegExp(`^[0-9TZ:.-]+\\t${id}\\tINFO\\thello 7$`))
    expect(lines[2]).toBe(`END RequestId: ${id}`)
    expect(lines[3]).toMatch(
      new RegExp(
        `^REPORT RequestId: ${id}\\tDuration: [0-9.]+ ms\\tBilled Duration: \\d+ ms\\tMemory Size: 256 MB\\tMax Memory Used: \\d+ MB\\t`,
      ),
    )
  })

  it('serves calls at the same time', async () => {
    const calls = Array.from({ length: 5 }, (_, n) => invoke('life', { do: 'sleep', ms: 50, n }))
    expect((await Promise.all(calls)).map(({ value }) => (value['event'] as { n: number }).n)).toEqual([0, 1, 2, 3, 4])
  })

  it('is deleted', async () => {
    await lambda.send(new DeleteFunctionCommand({ FunctionName: 'life' }))
    await expect(invoke('life')).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  })
})

describe('response streaming, through @aws-sdk/client-lambda', () => {
  const stream = async (event: object): Promise<{ text: string; complete: unknown }> => {
    const command = new InvokeWithResponseStreamCommand({ FunctionName: 'streaming', Payload: JSON.stringify(event) })
    const { EventStream } = await lambda.send(command)
    let text = ''
    let complete: unknown
    for await (const { PayloadChunk, InvokeComplete } of EventStream ?? []) {
      if (PayloadChunk?.Payload !== undefined) text += Buffer.from(PayloadChunk.Payload).toString()
      if (InvokeComplete !== undefined) complete = InvokeComplete
    }
    return { text, complete }
  }

  it('passes on what the function writes, and how it ended', async () => {
    await create('streaming', { Handler: 'index.stream' })
    expect(await stream({ pieces: ['one ', 'two'] })).toEqual({ text: 'one two', complete: {} })
    const failed = await stream({ pieces: ['one '], fail: true })
    expect(failed.text).toBe('one ')
    expect(failed.complete).toMatchObject({ ErrorDetails: expect.stringContaining('half way') as string })
  })
})

describe('what belongs to functions, through @aws-sdk/client-lambda', () => {
  beforeAll(() => create('owner', { Handler: 'index.http', Tags: { team: 'a' } }))

  it('a function URL with its permission', async () => {
    const FunctionName = 'owner'
    const { FunctionUrl } = await lambda.send(new CreateFunctionUrlConfigCommand({ FunctionName, AuthType: 'NONE' }))
    // Names below localhost are known to browsers and curl, but not to every resolver: by its id the URL is in the path, too.
    const [id] = new URL(FunctionUrl ?? '').hostname.split('.')
    expect(id).toMatch(/^[a-z0-9]{32}$/)
    const address = `${functions.endpoint}/lambda-url/${id}/a/b?c=d`
    expect((await fetch(address)).status).toBe(403)
    await lambda.send(
      new AddPermissionCommand({
        FunctionName,
        StatementId: 'url',
        Action: 'lambda:InvokeFunctionUrl',
        Principal: '*',
        FunctionUrlAuthType: 'NONE',
      }),
    )
    const headers = { 'content-type': 'text/plain' }
    const answer = await fetch(address, { method: 'POST', body: 'żółw', headers })
    expect([answer.status, answer.headers.get('x-path'), await answer.text()]).toEqual([201, '/a/b', 'żółw'])
    expect(answer.headers.getSetCookie()).toEqual(['a=b'])
    const byName = await fetch(`${functions.endpoint}/lambda-url/owner/`, { method: 'POST', body: 'x', headers })
    expect(byName.status).toBe(201)

    expect((await lambda.send(new GetPolicyCommand({ FunctionName }))).Policy).toContain('"Sid":"url"')
    await lambda.send(new RemovePermissionCommand({ FunctionName, StatementId: 'url' }))
    expect((await fetch(address)).status).toBe(403)
    await lambda.send(new DeleteFunctionUrlConfigCommand({ FunctionName }))
    expect(await (await fetch(address)).text()).toBe('{"Message":null}')
  })

  it('layers', async () => {
    const content = await zipOf({ 'nodejs/node_modules/greet/index.js': 'module.exports = (name) => `hello ${name}`' })
    const layer = await lambda.send(
      new PublishLayerVersionCommand({ LayerName: 'greet', Content: { ZipFile: content } }),
    )
    expect(layer).toMatchObject({ Version: 1 })
    const code = await zipOf({ 'index.js': 'exports.handler = async (name) => require("greet")(name)' })
    await create('layered', { Code: { ZipFile: code }, Layers: [layer.LayerVersionArn ?? ''] })
    const answer = await lambda.send(new InvokeCommand({ FunctionName: 'layered', Payload: '"you"' }))
    expect(Buffer.from(answer.Payload ?? []).toString()).toBe('"hello you"')
    const { Layers } = await lambda.send(new ListLayersCommand({}))
    expect(Layers).toMatchObject([{ LayerName: 'greet', LatestMatchingVersion: { Version: 1 } }])
    const byArn = await lambda.send(new GetLayerVersionByArnCommand({ Arn: layer.LayerVersionArn }))
    const zip = await fetch(byArn.Content?.Location ?? '')
    expect(Buffer.from(await zip.arrayBuffer()).equals(content)).toBe(true)
    const permission = new AddLayerVersionPermissionCommand({
      LayerName: 'greet',
      VersionNumber: 1,
      StatementId: 's',
      Action: 'lambda:GetLayerVersion',
      Principal: '*',
    })
    expect((await lambda.send(permission)).Statement).toContain('lambda:GetLayerVersion')
  })

  it('tags, event invoke configuration, provisioned concurrency, account', async () => {
    const Resource = 'arn:aws:lambda:us-east-1:000000000000:function:owner'
    await lambda.send(new TagResourceCommand({ Resource, Tags: { cost: 'b' } }))
    await lambda.send(new UntagResourceCommand({ Resource, TagKeys: ['team'] }))
    expect((await lambda.send(new ListTagsCommand({ Resource }))).Tags).toEqual({ cost: 'b' })

    const retries = new PutFunctionEventInvokeConfigCommand({ FunctionName: 'owner', MaximumRetryAttempts: 1 })
    expect(await lambda.send(retries)).toMatchObject({ MaximumRetryAttempts: 1 })
    await lambda.send(new PublishVersionCommand({ FunctionName: 'owner' }))
    const provision = new PutProvisionedConcurrencyConfigCommand({
      FunctionName: 'owner',
      Qualifier: '1',
      ProvisionedConcurrentExecutions: 1,
    })
    expect(await lambda.send(provision)).toMatchObject({ RequestedProvisionedConcurrentExecutions: 1 })
    const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}))
    expect(AccountLimit).toMatchObject({ ConcurrentExecutions: 1000 })
  })

  it('lists, page by page', async () => {
    const names: string[] = []
    for await (const { Functions = [] } of paginateListFunctions({ client: lambda, pageSize: 1 }, {})) {
      expect(Functions.length).toBeLessThanOrEqual(1)
      names.push(...Functions.map(({ FunctionName }) => FunctionName ?? ''))
    }
    expect(names).toEqual(['layered', 'owner', 'streaming'])
    const all = await lambda.send(new ListFunctionsCommand({ FunctionVersion: 'ALL' }))
    expect(all.Functions?.map(({ Version }) => Version)).toContain('1')
  })
})
