import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rawZip } from '../../packages/testing/raw-zip.ts'
import { zipOf } from '../../packages/testing/zip-of.ts'
import { ARN, CatalogHarness, code, ROLE, type Json } from '../testing/catalog-harness.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create()
})
afterEach(() => catalog.dispose())

describe('CreateFunction', () => {
  it('answers as AWS does', async () => {
    const zip = Buffer.from(await code(), 'base64')
    const { status, body } = await catalog.answer('CreateFunction', { body: await catalog.createBody('echo') })
    expect(status).toBe(201)
    expect(JSON.parse(JSON.stringify(body))).toEqual({
      FunctionName: 'echo',
      FunctionArn: `${ARN}:echo`,
      Runtime: 'provided.al2023',
      Role: ROLE,
      Handler: 'bootstrap',
      CodeSize: zip.length,
      Description: '',
      Timeout: 3,
      MemorySize: 128,
      LastModified: '2026-11-20T15:10:00.000+0000',
      CodeSha256: createHash('sha256').update(zip).digest('base64'),
      Version: '$LATEST',
      TracingConfig: { Mode: 'PassThrough' },
      RevisionId: expect.stringMatching(UUID),
      State: 'Active',
      LastUpdateStatus: 'Successful',
      PackageType: 'Zip',
      Architectures: ['x86_64'],
      EphemeralStorage: { Size: 512 },
      SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
      RuntimeVersionConfig: {
        RuntimeVersionArn: expect.stringMatching(/^arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}$/),
      },
      LoggingConfig: { LogFormat: 'Text', LogGroup: '/aws/lambda/echo' },
    })
  })

  it('keeps all that can be configured', async () => {
    const given = {
      Description: 'd',
      Timeout: 900,
      MemorySize: 10_240,
      Environment: { Variables: { A1: 'x', B2: '' } },
      EphemeralStorage: { Size: 10_240 },
      TracingConfig: { Mode: 'Active' },
      DeadLetterConfig: { TargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead' },
      Architectures: ['x86_64'],
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
    }
    const answer = await catalog.create('f', {
      ...given,
      LoggingConfig: { LogFormat: 'JSON', LogGroup: 'mine' },
      Tags: { a: 'b' },
      VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
      SnapStart: { ApplyOn: 'None' },
      KMSKeyArn: '',
    })
    expect(answer).toMatchObject(given)
    expect(answer.LoggingConfig).toEqual({
      LogFormat: 'JSON',
      ApplicationLogLevel: 'INFO',
      SystemLogLevel: 'INFO',
      LogGroup: 'mine',
    })
    await catalog.reopen()
    expect(await catalog.on('GetFunctionConfiguration', 'f')).toEqual(answer)
    expect((await catalog.on('GetFunction', 'f')).Tags).toEqual({ a: 'b' })
  })

  it('publishes when it is told to', async () => {
    const answer = await catalog.create('f', { Publish: true })
    expect(answer).toMatchObject({ Version: '1', FunctionArn: `${ARN}:f:1`, State: 'Active' })
  })

  it('makes what can be run', async () => {
    await catalog.create('f', { Environment: { Variables: { A1: 'x' } } })
    const { function: fn, invokedArn } = catalog.catalog.resolve('f', undefined)
    expect(invokedArn).toBe(`${ARN}:f`)
    expect(fn).toMatchObject({
      name: 'f',
      version: '$LATEST',
      arn: `${ARN}:f`,
      runtime: 'provided.al2023',
      handler: 'bootstrap',
      memoryMb: 128,
      timeoutMs: 3_000,
      ephemeralStorageMb: 512,
      environment: { A1: 'x' },
      layersDirectory: undefined,
      network: 'none',
      logging: { format: 'Text', group: '/aws/lambda/f' },
    })
    expect(await readFile(join(fn.taskDirectory, 'bootstrap'), 'utf8')).toBe('#!/bin/sh\n')
    expect(catalog.catalog.prepare({ function: fn, invokedArn })).toBeUndefined()
    expect(catalog.catalog.resolve('f', undefined).function).toBe(fn)
  })

  it('lets one of many through', async () => {
    const body = await catalog.createBody('f')
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => catalog.refusal('CreateFunction', { body })))
    expect(outcomes.filter((outcome) => outcome === 'it was accepted')).toHaveLength(1)
    expect(
      outcomes.filter((outcome) => outcome === '409 ResourceConflictException Function already exist: f'),
    ).toHaveLength(4)
  })

  const V = '400 ValidationException 1 validation error detected: '
  const I = '400 InvalidParameterValueException '
  it.each<[string, Json, string]>([
    [
      'a role',
      { Role: 'me' },
      `${V}Value 'me' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+`,
    ],
    ['no role', { Role: undefined }, `${V}Value null at 'role' failed to satisfy constraint: Member must not be null`],
    [
      'a name',
      { FunctionName: 'a b' },
      `${V}Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:`,
    ],
    [
      'a long name',
      { FunctionName: 'x'.repeat(65) },
      `at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64`,
    ],
    [
      'a runtime',
      { Runtime: 'java21' },
      `${I}Value java21 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [provided.al2023, provided.al2, nodejs20.x, nodejs22.x, nodejs24.x, python3.9,`,
    ],
    [
      'no runtime',
      { Runtime: undefined },
      `${I}Runtime and Handler are mandatory parameters for functions created with deployment packages.`,
    ],
    ['no handler', { Handler: undefined }, `${I}Runtime and Handler are mandatory`],
    [
      'a handler',
      { Handler: 'a b' },
      `${V}Value 'a b' at 'handler' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\\s]+`,
    ],
    [
      'little memory',
      { MemorySize: 127 },
      `${V}Value '127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128`,
    ],
    [
      'much memory',
      { MemorySize: 10_241 },
      `${V}Value '10241' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 10240`,
    ],
    [
      'a timeout',
      { Timeout: 901 },
      `${V}Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900`,
    ],
    [
      'two things',
      { Timeout: 0, MemorySize: 1 },
      `400 ValidationException 2 validation errors detected: Value '0' at 'timeout'`,
    ],
    ['storage', { EphemeralStorage: { Size: 511 } }, `${V}Value '511' at 'ephemeralStorage.size'`],
    [
      'two architectures',
      { Architectures: ['x86_64', 'arm64'] },
      `${V}Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1`,
    ],
    [
      'an unknown architecture',
      { Architectures: ['mips'] },
      `${V}Value '[mips]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]`,
    ],
    [
      'another architecture',
      { Architectures: ['arm64'] },
      `${I}Architecture arm64 cannot run here: this host is x86_64.`,
    ],
    ['no code', { Code: {} }, `${I}Please provide a source for function code.`],
    ['no Code', { Code: undefined }, `${V}Value null at 'code' failed to satisfy constraint: Member must not be null`],
    ['empty code', { Code: { ZipFile: '' } }, `${I}Uploaded file must be a non-empty zip`],
    [
      'code that is no zip',
      { Code: { ZipFile: 'aGVsbG8=' } },
      `${I}Could not unzip uploaded file. Please check your file, then try to upload again.`,
    ],
    [
      'code that is no base64',
      { Code: { ZipFile: '****' } },
      `400 SerializationException STRING_VALUE can not be converted to a Blob`,
    ],
    [
      'both sources',
      { Code: { ZipFile: 'aGVsbG8=', S3Bucket: 'abc' } },
      `${I}Please do not provide other FunctionCode parameters when providing a ZipFile.`,
    ],
    [
      'S3 that is not there',
      { Code: { S3Bucket: 'abc', S3Key: 'k' } },
      `${I}Error occurred while GetObject. No S3 endpoint is configured`,
    ],
    [
      'a text for a number',
      { MemorySize: '128' },
      `400 SerializationException STRING_VALUE can not be converted to an Integer`,
    ],
    [
      'a number for a text',
      { Description: 5 },
      `400 SerializationException NUMBER_VALUE can not be converted to a String`,
    ],
    ['a list for a text', { Description: [] }, `400 SerializationException Start of list found where not expected.`],
    [
      'names of variables',
      { Environment: { Variables: { '1A': '' } } },
      `${V}Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]`,
    ],
    [
      'reserved variables',
      { Environment: { Variables: { AWS_REGION: 'x', OK: '1' } } },
      `${I}Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION`,
    ],
    [
      'many variables',
      { Environment: { Variables: { BIG: 'x'.repeat(4_090) } } },
      `${I}Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {"BIG":"xxx`,
    ],
    [
      'a network that does not exist',
      { Tags: { 'sekisho:network': 'all' } },
      `${I}The tag sekisho:network is none, egress, host: not all`,
    ],
    ['a misspelt tag of ours', { Tags: { 'sekisho:net': 'none' } }, `${I}The tag sekisho:net means nothing`],
    [
      '51 tags',
      { Tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ''])) },
      `${I}Number of tags exceeds function tag limit.`,
    ],
    ['VPCs', { VpcConfig: { SubnetIds: ['subnet-1'] } }, `${I}VpcConfig is not supported by Sekisho`],
    ['EFS', { FileSystemConfigs: [{ Arn: 'arn:aws:x' }] }, `${I}FileSystemConfigs are not supported`],
    [
      'SnapStart',
      { SnapStart: { ApplyOn: 'PublishedVersions' } },
      `${I}provided.al2023 is not supported for SnapStart enabled functions.`,
    ],
    ['KMS', { KMSKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/1' }, `${I}KMSKeyArn is not supported`],
    [
      'levels of text logs',
      { LoggingConfig: { LogFormat: 'Text', SystemLogLevel: 'INFO' } },
      `${I}ApplicationLogLevel and SystemLogLevel can only be set when LogFormat is JSON.`,
    ],
    [
      'an image with a runtime',
      { PackageType: 'Image', Code: { ImageUri: 'x' } },
      `${I}Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.`,
    ],
  ])('refuses %s', async (_, more, expected) => {
    expect(await catalog.refusal('CreateFunction', { body: await catalog.createBody('f', more) })).toContain(expected)
    expect(catalog.catalog.functionNames()).toEqual([])
  })

  it('refuses zips that are too large', async () => {
    const large = rawZip([{ name: 'a', declaredSize: 262_144_001 }]).toString('base64')
    expect(
      await catalog.refusal('CreateFunction', { body: await catalog.createBody('f', { Code: { ZipFile: large } }) }),
    ).toBe('400 InvalidParameterValueException Unzipped size must be smaller than 262144000 bytes')
    const zipped = Buffer.alloc(52_428_801).toString('base64')
    expect(
      await catalog.refusal('CreateFunction', { body: await catalog.createBody('f', { Code: { ZipFile: zipped } }) }),
    ).toBe('413 RequestEntityTooLargeException Zipped size must be smaller than 52428800 bytes')
  })

  it('refuses what is no JSON', async () => {
    expect(await catalog.refusal('CreateFunction', { body: '{' })).toMatch(
      /^400 InvalidRequestContentException Could not parse request body into json: /,
    )
    expect(await catalog.refusal('CreateFunction', { body: '[]' })).toMatch(/^400 SerializationException/)
  })
})

describe('GetFunction', () => {
  it('says where the code is', async () => {
    const created = await catalog.create('f')
    expect(await catalog.on('GetFunction', 'f')).toEqual({
      Configuration: created,
      Code: {
        RepositoryType: 'S3',
        Location: `http://127.0.0.1:9190/sekisho/packages/${Buffer.from(created.CodeSha256, 'base64').toString('hex')}.zip`,
      },
    })
  })

  it('takes names of every kind', async () => {
    await catalog.create('f', { Publish: true })
    for (const name of ['f', `${ARN}:f`, '000000000000:f', '000000000000:function:f', 'function:f'])
      expect((await catalog.on('GetFunctionConfiguration', name)).FunctionArn).toBe(`${ARN}:f`)
    for (const name of ['f:1', `${ARN}:f:1`])
      expect((await catalog.on('GetFunctionConfiguration', name)).FunctionArn).toBe(`${ARN}:f:1`)
    expect((await catalog.on('GetFunctionConfiguration', `${ARN}:f:1`, undefined, { Qualifier: '1' })).Version).toBe(
      '1',
    )
    expect((await catalog.on('GetFunctionConfiguration', 'f', undefined, { Qualifier: '$LATEST' })).FunctionArn).toBe(
      `${ARN}:f:$LATEST`,
    )
  })

  it('refuses what is not there, or not clear', async () => {
    await catalog.create('f', { Publish: true })
    expect(await catalog.refusalOn('GetFunction', 'g')).toBe(
      `404 ResourceNotFoundException Function not found: ${ARN}:g`,
    )
    expect(await catalog.refusalOn('GetFunction', 'g', undefined, { Qualifier: '7' })).toBe(
      `404 ResourceNotFoundException Function not found: ${ARN}:g:7`,
    )
    expect(await catalog.refusalOn('GetFunction', 'f:2')).toBe(
      `404 ResourceNotFoundException Function not found: ${ARN}:f:2`,
    )
    expect(await catalog.refusalOn('GetFunction', 'f', undefined, { Qualifier: 'constructor' })).toMatch(/^404/)
    expect(await catalog.refusalOn('GetFunction', 'f:1', undefined, { Qualifier: '2' })).toBe(
      '400 InvalidParameterValueException The derived qualifier from the function name does not match the specified qualifier.',
    )
    expect(await catalog.refusalOn('GetFunction', ARN.replace('us-east-1', 'eu-west-1') + ':f')).toBe(
      "404 ResourceNotFoundException Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
    )
    expect(await catalog.refusalOn('GetFunction', 'a/b')).toMatch(/^400 ValidationException/)
  })
})

describe('ListFunctions', () => {
  it('gives pages', async () => {
    const body = await catalog.createBody('x')
    for (let index = 0; index < 55; index++)
      await catalog.call('CreateFunction', { body: { ...body, FunctionName: `f${String(index).padStart(2, '0')}` } })
    const first = await catalog.call('ListFunctions')
    expect(first.Functions).toHaveLength(50)
    const second = await catalog.call('ListFunctions', { query: { Marker: first.NextMarker, MaxItems: '10000' } })
    expect(second.Functions.map(({ FunctionName }: Json) => FunctionName)).toEqual(['f50', 'f51', 'f52', 'f53', 'f54'])
    expect(second).not.toHaveProperty('NextMarker')
    expect((await catalog.call('ListFunctions', { query: { MaxItems: '3' } })).Functions).toHaveLength(3)
    expect(await catalog.refusal('ListFunctions', { query: { MaxItems: '0' } })).toContain("Value '0' at 'maxItems'")
  })

  it('gives all versions', async () => {
    await catalog.create('b', { Publish: true })
    await catalog.create('a')
    const { Functions } = await catalog.call('ListFunctions', { query: { FunctionVersion: 'ALL' } })
    expect(Functions.map(({ FunctionArn }: Json) => FunctionArn)).toEqual([
      `${ARN}:a:$LATEST`,
      `${ARN}:b:$LATEST`,
      `${ARN}:b:1`,
    ])
    expect(await catalog.refusal('ListFunctions', { query: { FunctionVersion: 'X' } })).toContain(
      "at 'functionVersion'",
    )
  })
})

describe('UpdateFunctionCode', () => {
  it('takes new code', async () => {
    const before = await catalog.create('f')
    const fn = catalog.catalog.resolve('f', undefined).function
    const changes: unknown[] = []
    catalog.catalog.onChange((...change) => changes.push(change))
    catalog.now += 1_000
    const after = await catalog.on('UpdateFunctionCode', 'f', { ZipFile: await code('new') })
    expect(after).toMatchObject({
      LastUpdateStatus: 'Successful',
      State: 'Active',
      LastModified: '2026-11-20T15:10:01.000+0000',
    })
    expect(after.CodeSha256).not.toBe(before.CodeSha256)
    expect(after.RevisionId).not.toBe(before.RevisionId)
    const now = catalog.catalog.resolve('f', undefined).function
    expect(now.revisionId).not.toBe(fn.revisionId)
    expect(changes).toEqual([['f', '$LATEST', now.revisionId]])
  })

  it('leaves environments alone when the code is the same', async () => {
    await catalog.create('f')
    const fn = catalog.catalog.resolve('f', undefined).function
    await catalog.on('UpdateFunctionCode', 'f', { ZipFile: await code() })
    expect(catalog.catalog.resolve('f', undefined).function.revisionId).toBe(fn.revisionId)
  })

  it('publishes, or tries only', async () => {
    const before = await catalog.create('f')
    const tried = await catalog.on('UpdateFunctionCode', 'f', { ZipFile: await code('2'), DryRun: true })
    expect(tried.CodeSha256).not.toBe(before.CodeSha256)
    expect((await catalog.on('GetFunctionConfiguration', 'f')).RevisionId).toBe(before.RevisionId)
    expect(await catalog.on('UpdateFunctionCode', 'f', { ZipFile: await code('2'), Publish: true })).toMatchObject({
      Version: '1',
      FunctionArn: `${ARN}:f:1`,
      CodeSha256: tried.CodeSha256,
    })
  })

  it('refuses a second update meanwhile, another revision, an image', async () => {
    await catalog.create('f')
    const [first, second, third] = await Promise.all([
      catalog.refusalOn('UpdateFunctionCode', 'f', { ZipFile: await code('3') }),
      catalog.refusalOn('UpdateFunctionCode', 'f', { ZipFile: await code('4') }),
      catalog.refusalOn('PublishVersion', 'f', {}),
    ])
    const inProgress = `409 ResourceConflictException The operation cannot be performed at this time. An update is in progress for resource: ${ARN}:f`
    expect([first, second, third]).toEqual(['it was accepted', inProgress, inProgress])
    expect(await catalog.refusalOn('UpdateFunctionCode', 'f', { ZipFile: await code(), RevisionId: 'x' })).toBe(
      '412 PreconditionFailedException The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id',
    )
    expect(await catalog.refusalOn('UpdateFunctionCode', 'f', { ImageUri: 'x' })).toContain(
      "Please don't provide ImageUri",
    )
    expect(await catalog.refusalOn('UpdateFunctionCode', 'g', { ZipFile: await code() })).toBe(
      `404 ResourceNotFoundException Function not found: ${ARN}:g`,
    )
    expect(await catalog.refusalOn('UpdateFunctionCode', 'f', {})).toContain(
      'Please provide a source for function code.',
    )
  })
})

describe('UpdateFunctionConfiguration', () => {
  it('changes what is given, and nothing else', async () => {
    const before = await catalog.create('f', { Environment: { Variables: { A1: '1' } }, MemorySize: 256 })
    const after = await catalog.on('UpdateFunctionConfiguration', 'f', { Timeout: 10 })
    expect(after).toEqual({ ...before, Timeout: 10, RevisionId: after.RevisionId })
    expect(await catalog.on('UpdateFunctionConfiguration', 'f', { Environment: {} })).not.toHaveProperty('Environment')
    expect(
      await catalog.on('UpdateFunctionConfiguration', 'f', {
        LoggingConfig: { LogFormat: 'JSON' },
        Runtime: 'nodejs22.x',
      }),
    ).toMatchObject({ Runtime: 'nodejs22.x', LoggingConfig: { ApplicationLogLevel: 'INFO' } })
  })

  it('refuses what CreateFunction refuses', async () => {
    const { RevisionId } = await catalog.create('f')
    for (const [body, expected] of [
      [{ MemorySize: 1 }, "at 'memorySize'"],
      [{ Runtime: 'x' }, "Value x at 'runtime'"],
      [{ Environment: { Variables: { LAMBDA_TASK_ROOT: '' } } }, 'reserved keys'],
      [{ Layers: ['x'] }, "at 'layers'"],
      [{ RevisionId: 'no' }, '412'],
    ] as const)
      expect(await catalog.refusalOn('UpdateFunctionConfiguration', 'f', body)).toContain(expected)
    expect((await catalog.on('GetFunctionConfiguration', 'f')).RevisionId).toBe(RevisionId)
    expect(await catalog.refusalOn('UpdateFunctionConfiguration', 'f', { RevisionId, Timeout: 5 })).toBe(
      'it was accepted',
    )
  })
})

describe('DeleteFunction', () => {
  it('removes all of it', async () => {
    await catalog.create('f', { Publish: true, Tags: { a: 'b' } })
    await catalog.on('CreateAlias', 'f', { Name: 'live', FunctionVersion: '1' })
    await catalog.on('CreateFunctionUrlConfig', 'f', { AuthType: 'NONE' })
    const changes: unknown[] = []
    catalog.catalog.onChange((...change) => changes.push(change))
    expect(await catalog.answer('DeleteFunction', { labels: { FunctionName: 'f' } })).toEqual({ status: 204 })
    expect(changes).toEqual([
      ['f', '$LATEST', undefined],
      ['f', '1', undefined],
    ])
    expect(await catalog.state.list('')).toEqual([])
    expect(() => catalog.catalog.resolve('f', 'live')).toThrow(`Function not found: ${ARN}:f:live`)
    expect(catalog.catalog.urlOf('f')).toBeUndefined()
    expect(await catalog.refusalOn('DeleteFunction', 'f')).toBe(
      `404 ResourceNotFoundException Function not found: ${ARN}:f`,
    )
  })

  it('removes versions, unless an alias needs them', async () => {
    await catalog.create('f', { Publish: true })
    await catalog.on('CreateAlias', 'f', { Name: 'live', FunctionVersion: '1' })
    expect(await catalog.refusalOn('DeleteFunction', 'f', undefined, { Qualifier: '1' })).toContain('[live]')
    expect(await catalog.refusalOn('DeleteFunction', 'f', undefined, { Qualifier: '$LATEST' })).toBe(
      '400 InvalidParameterValueException $LATEST version cannot be deleted without deleting the function.',
    )
    await catalog.on('DeleteAlias', 'f', undefined, undefined, { Name: 'live' })
    await catalog.on('DeleteFunction', 'f:1')
    expect(await catalog.refusalOn('GetFunction', 'f:1')).toMatch(/^404/)
    expect((await catalog.on('GetFunction', 'f')).Configuration.Version).toBe('$LATEST')
  })

  it('starts from the beginning with the same name', async () => {
    await catalog.create('f', { Publish: true })
    await catalog.on('DeleteFunction', 'f')
    expect(await catalog.create('f')).toMatchObject({ Version: '$LATEST' })
    expect((await catalog.on('ListVersionsByFunction', 'f')).Versions).toHaveLength(1)
  })

  it('lets packages go when nothing can run from them any more', async () => {
    const { CodeSha256 } = await catalog.create('f')
    const sha256 = Buffer.from(CodeSha256, 'base64').toString('hex')
    await catalog.on('DeleteFunction', 'f')
    expect(await catalog.catalog.collect()).toBe(0)
    expect(catalog.packages.ready(sha256, [])).toBe(true)
    catalog.now += 31 * 60_000
    expect(await catalog.catalog.collect()).toBe(2)
    expect(catalog.packages.ready(sha256, [])).toBe(false)
  })
})

it('unpacks again what is missing after a restart', async () => {
  await catalog.create('f')
  const resolved = catalog.catalog.resolve('f', undefined)
  expect(await zipOf({ a: 'a' })).toBeInstanceOf(Buffer)
  await catalog.packages.collect(new Set(), [])
  await catalog.reopen()
  await expect(catalog.catalog.prepare(catalog.catalog.resolve('f', undefined))).rejects.toThrow(/gone from the store/)
  expect(resolved.function.name).toBe('f')
})
