import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ARN, CatalogHarness, code, type Json } from '../testing/catalog-harness.ts'

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create()
  await catalog.create('f', { Publish: true })
  await catalog.on('UpdateFunctionCode', 'f', { ZipFile: await code('2'), Publish: true })
})
afterEach(() => catalog.dispose())

const create = (body: Json) => catalog.on('CreateAlias', 'f', body)
const update = (Name: string, body: Json) => catalog.on('UpdateAlias', 'f', body, undefined, { Name })
const weights = (all: Json) => ({ RoutingConfig: { AdditionalVersionWeights: all } })

it('answers as AWS does', async () => {
  const { status, body } = await catalog.answer('CreateAlias', {
    labels: { FunctionName: 'f' },
    body: { Name: 'live', FunctionVersion: '1', Description: 'd', ...weights({ '2': 0.2 }) },
  })
  expect(status).toBe(201)
  expect(body).toEqual({
    AliasArn: `${ARN}:f:live`,
    Name: 'live',
    FunctionVersion: '1',
    Description: 'd',
    RoutingConfig: { AdditionalVersionWeights: { '2': 0.2 } },
    RevisionId: expect.any(String),
  })
  expect(await catalog.on('GetAlias', 'f', undefined, undefined, { Name: 'live' })).toEqual(body)
})

it('may have any name', async () => {
  for (const Name of ['constructor', '__proto__', 'toString', 'a-b_c']) {
    expect(await catalog.refusalOn('GetAlias', 'f', undefined, undefined, { Name })).toMatch(/^404/)
    expect(() => catalog.catalog.resolve('f', Name)).toThrow('Function not found')
    await create({ Name, FunctionVersion: '1' })
    expect(catalog.catalog.resolve('f', Name).function.version).toBe('1')
  }
  await catalog.reopen()
  expect((await catalog.on('ListAliases', 'f')).Aliases.map(({ Name }: Json) => Name)).toEqual(
    ['__proto__', 'a-b_c', 'constructor', 'toString'].sort(),
  )
})

describe('calls', () => {
  it('go to its version, and the ARN says so', async () => {
    await create({ Name: 'live', FunctionVersion: '2' })
    expect(catalog.catalog.resolve(`${ARN}:f:live`, undefined)).toMatchObject({
      invokedArn: `${ARN}:f:live`,
      function: { version: '2' },
    })
    await update('live', { FunctionVersion: '1' })
    expect(catalog.catalog.resolve('f', 'live').function.version).toBe('1')
  })

  it('go to the other version as its weight says', async () => {
    await create({ Name: 'live', FunctionVersion: '1', ...weights({ '2': 0.25 }) })
    const chosen = [0, 0.24, 0.25, 0.99].map((dice) => {
      catalog.dice = dice
      return catalog.catalog.resolve('f', 'live').function.version
    })
    expect(chosen).toEqual(['2', '2', '1', '1'])
    await update('live', { RoutingConfig: {} })
    catalog.dice = 0
    expect(catalog.catalog.resolve('f', 'live').function.version).toBe('1')
  })
})

describe('is refused', () => {
  const I = '400 InvalidParameterValueException '
  it.each<[string, Json, string]>([
    [
      'a number as name',
      { Name: '1', FunctionVersion: '1' },
      "at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
    ],
    ['no version', { Name: 'a' }, "Value null at 'functionVersion'"],
    [
      'a version that is not there',
      { Name: 'a', FunctionVersion: '3' },
      `404 ResourceNotFoundException Function not found: ${ARN}:f:3`,
    ],
    [
      'two others',
      { Name: 'a', FunctionVersion: '1', ...weights({ '1': 0.1, '2': 0.1 }) },
      `${I}Number of items in AdditionalVersionWeights cannot be greater than 1`,
    ],
    [
      'itself',
      { Name: 'a', FunctionVersion: '1', ...weights({ '1': 0.1 }) },
      `${I}Invalid function version 1. Function version 1 is already included in routing configuration.`,
    ],
    [
      '$LATEST with another',
      { Name: 'a', FunctionVersion: '$LATEST', ...weights({ '1': 0.1 }) },
      `${I}$LATEST is not supported for an alias pointing to more than 1 version`,
    ],
    [
      'another that is not there',
      { Name: 'a', FunctionVersion: '1', ...weights({ '7': 0.1 }) },
      `404 ResourceNotFoundException Function not found: ${ARN}:f:7`,
    ],
    [
      'a weight',
      { Name: 'a', FunctionVersion: '1', ...weights({ '2': 1.5 }) },
      "Value '{2=1.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1",
    ],
    ['a key', { Name: 'a', FunctionVersion: '1', ...weights({ x: 0.5 }) }, 'Map keys must satisfy constraint: ['],
  ])('%s', async (_, body, expected) => expect(await catalog.refusalOn('CreateAlias', 'f', body)).toContain(expected))

  it('what is there already, or not yet', async () => {
    await create({ Name: 'live', FunctionVersion: '1' })
    expect(await catalog.refusalOn('CreateAlias', 'f', { Name: 'live', FunctionVersion: '2' })).toBe(
      `409 ResourceConflictException Alias already exists: ${ARN}:f:live`,
    )
    expect(await catalog.refusalOn('UpdateAlias', 'f', {}, undefined, { Name: 'x' })).toBe(
      `404 ResourceNotFoundException Cannot find alias arn: ${ARN}:f:x`,
    )
    expect(await catalog.refusalOn('UpdateAlias', 'f', { RevisionId: 'x' }, undefined, { Name: 'live' })).toMatch(
      /^412/,
    )
    expect(await catalog.refusalOn('CreateAlias', 'g', { Name: 'live', FunctionVersion: '1' })).toMatch(/^404/)
  })
})

it('is listed by version', async () => {
  await create({ Name: 'b', FunctionVersion: '1' })
  await create({ Name: 'a', FunctionVersion: '2' })
  const names = async (query: Json) =>
    (await catalog.on('ListAliases', 'f', undefined, query)).Aliases.map(({ Name }: Json) => Name)
  expect(await names({})).toEqual(['a', 'b'])
  expect(await names({ FunctionVersion: '1' })).toEqual(['b'])
  expect(await names({ FunctionVersion: 'constructor' })).toEqual([])
})

it('takes with it what was said of it', async () => {
  await create({ Name: 'live', FunctionVersion: '1' })
  await catalog.on('CreateFunctionUrlConfig', 'f', { AuthType: 'NONE' }, { Qualifier: 'live' })
  await catalog.on('DeleteAlias', 'f', undefined, undefined, { Name: 'live' })
  await catalog.on('DeleteAlias', 'f', undefined, undefined, { Name: 'live' })
  expect(catalog.catalog.urlOf('f:live')).toBeUndefined()
})
