import { afterEach, beforeEach, expect, it } from 'vitest'
import { ARN, CatalogHarness, type Json } from '../testing/catalog-harness.ts'

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create()
  await catalog.create('f', { Publish: true })
  await catalog.on('CreateAlias', 'f', { Name: 'live', FunctionVersion: '1' })
})
afterEach(() => catalog.dispose())

const gone = '404 ResourceNotFoundException The resource you requested does not exist.'

it('is made, read, changed, listed and deleted', async () => {
  const { status, body } = await catalog.answer('CreateFunctionUrlConfig', {
    labels: { FunctionName: 'f' },
    body: { AuthType: 'NONE', Cors: { AllowOrigins: ['https://example.com'], MaxAge: 10 } },
  })
  expect(status).toBe(201)
  expect(body).toEqual({
    FunctionUrl: expect.stringMatching(/^http:\/\/[a-z2-7]{32}\.lambda-url\.us-east-1\.localhost:9190\/$/),
    FunctionArn: `${ARN}:f`,
    AuthType: 'NONE',
    Cors: { AllowOrigins: ['https://example.com'], MaxAge: 10 },
    CreationTime: '2026-11-20T15:10:00.000000Z',
    InvokeMode: 'BUFFERED',
  })
  const url = { ...(body as Json), LastModifiedTime: '2026-11-20T15:10:00.000000Z' }
  expect(await catalog.on('GetFunctionUrlConfig', 'f')).toEqual(url)
  catalog.now += 1_000
  const changed = {
    ...url,
    AuthType: 'AWS_IAM',
    InvokeMode: 'RESPONSE_STREAM',
    LastModifiedTime: '2026-11-20T15:10:01.000000Z',
  }
  const update = { AuthType: 'AWS_IAM', InvokeMode: 'RESPONSE_STREAM' }
  expect(await catalog.on('UpdateFunctionUrlConfig', 'f', update)).toEqual(changed)
  await catalog.on('CreateFunctionUrlConfig', 'f', { AuthType: 'NONE' }, { Qualifier: 'live' })
  const { FunctionUrlConfigs } = await catalog.on('ListFunctionUrlConfigs', 'f')
  expect(FunctionUrlConfigs.map((one: Json) => one.FunctionArn)).toEqual([`${ARN}:f`, `${ARN}:f:live`])
  expect(await catalog.answer('DeleteFunctionUrlConfig', { labels: { FunctionName: 'f' } })).toEqual({ status: 204 })
  expect(await catalog.refusalOn('GetFunctionUrlConfig', 'f')).toBe(gone)
})

it('is found by its id and by its function, also after a restart', async () => {
  const { FunctionUrl } = await catalog.on(
    'CreateFunctionUrlConfig',
    'f',
    { AuthType: 'NONE', Cors: { AllowCredentials: true, AllowMethods: ['GET', '*'] } },
    { Qualifier: 'live' },
  )
  const id = new URL(FunctionUrl).hostname.split('.')[0]!
  const expected = {
    id,
    functionName: 'f',
    qualifier: 'live',
    authType: 'NONE',
    invokeMode: 'BUFFERED',
    cors: {
      allowCredentials: true,
      allowHeaders: [],
      allowMethods: ['GET', '*'],
      allowOrigins: [],
      exposeHeaders: [],
      maxAge: 0,
    },
  }
  for (let round = 0; round < 2; round++) {
    expect(catalog.catalog.urlById(id)).toEqual(expected)
    expect(catalog.catalog.urlOf('f:live')).toEqual(expected)
    expect(catalog.catalog.urlOf('f')).toBeUndefined()
    await catalog.reopen()
  }
  await catalog.on('DeleteFunctionUrlConfig', 'f', undefined, { Qualifier: 'live' })
  expect(catalog.catalog.urlById(id)).toBeUndefined()
})

it('refuses what AWS refuses', async () => {
  const create = (body: Json, query?: Json) => catalog.refusalOn('CreateFunctionUrlConfig', 'f', body, query)
  expect(await create({})).toContain("Value null at 'authType'")
  expect(await create({ AuthType: 'X' })).toContain(
    "Value 'X' at 'authType' failed to satisfy constraint: Member must satisfy enum value set: [NONE, AWS_IAM]",
  )
  expect(await create({ AuthType: 'NONE' }, { Qualifier: '1' })).toContain("Value '1' at 'qualifier'")
  expect(await create({ AuthType: 'NONE' }, { Qualifier: '$LATEST' })).toContain("Value '$LATEST' at 'qualifier'")
  expect(await create({ AuthType: 'NONE' }, { Qualifier: 'x' })).toBe(
    '404 ResourceNotFoundException Function does not exist',
  )
  expect(await create({ AuthType: 'NONE', Cors: { MaxAge: 86_401 } })).toContain("at 'cors.maxAge'")
  expect(await create({ AuthType: 'NONE', Cors: { AllowMethods: ['TRACE'] } })).toContain('AllowMethods')
  expect(await create({ AuthType: 'NONE', Cors: { AllowOrigins: ['example.com'] } })).toContain('AllowOrigins')
  expect(await create({ AuthType: 'NONE' })).toBe('it was accepted')
  expect(await create({ AuthType: 'NONE' })).toBe(
    `409 ResourceConflictException Failed to create function url config for [functionArn = ${ARN}:f]. Error message:  FunctionUrlConfig exists for this Lambda function`,
  )
  expect(await catalog.refusalOn('UpdateFunctionUrlConfig', 'f', {}, { Qualifier: 'live' })).toBe(gone)
  expect(await catalog.refusalOn('DeleteFunctionUrlConfig', 'g')).toBe(gone)
  expect(await catalog.refusalOn('ListFunctionUrlConfigs', 'g')).toBe(
    '404 ResourceNotFoundException Function does not exist',
  )
})
