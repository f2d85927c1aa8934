import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ProvisionedState } from '../../engine/engine.ts'
import { ARN, CatalogHarness, code, type Json } from '../testing/catalog-harness.ts'

let catalog: CatalogHarness
const calls: unknown[][] = []
let state: ProvisionedState | undefined
const engine = {
  reserve: (...call: unknown[]) => calls.push(['reserve', ...call]),
  provision: (target: { name: string; version: string }, count: number | undefined) =>
    calls.push(['provision', `${target.name}:${target.version}`, count]),
  retire: () => {},
  provisioned: () => state,
}
beforeEach(async () => {
  calls.length = 0
  state = undefined
  catalog = await CatalogHarness.create({ settings: { accountConcurrency: 200 } })
  await catalog.create('f', { Publish: true })
  catalog.catalog.attach(engine)
})
afterEach(() => catalog.dispose())

const I = '400 InvalidParameterValueException '
const reserve = (name: string, count: number) =>
  catalog.refusalOn('PutFunctionConcurrency', name, { ReservedConcurrentExecutions: count })
const provision = (Qualifier: string, count: number) =>
  catalog.refusalOn('PutProvisionedConcurrencyConfig', 'f', { ProvisionedConcurrentExecutions: count }, { Qualifier })
const accepted = 'it was accepted'

describe('reserved concurrency', () => {
  it('is put, read, deleted, and told to the engine', async () => {
    expect(await catalog.on('PutFunctionConcurrency', 'f', { ReservedConcurrentExecutions: 5 })).toEqual({
      ReservedConcurrentExecutions: 5,
    })
    expect(await catalog.on('GetFunctionConcurrency', 'f')).toEqual({ ReservedConcurrentExecutions: 5 })
    expect((await catalog.on('GetFunction', 'f')).Concurrency).toEqual({ ReservedConcurrentExecutions: 5 })
    await catalog.on('DeleteFunctionConcurrency', 'f')
    expect(await catalog.on('GetFunctionConcurrency', 'f')).toEqual({})
    expect(calls).toEqual([
      ['reserve', 'f', 5],
      ['reserve', 'f', undefined],
    ])
    expect(await reserve('f', 0)).toBe(accepted)
    expect(calls.at(-1)).toEqual(['reserve', 'f', 0])
  })

  it('leaves 100 for the others', async () => {
    await catalog.create('g')
    expect(await reserve('f', 100)).toBe(accepted)
    expect(await reserve('f', 60)).toBe(accepted)
    expect(await reserve('g', 41)).toBe(
      `${I}Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].`,
    )
    expect(await reserve('g', 40)).toBe(accepted)
    expect((await catalog.call('GetAccountSettings')).AccountLimit).toMatchObject({
      ConcurrentExecutions: 200,
      UnreservedConcurrentExecutions: 100,
      CodeSizeZipped: 52_428_800,
      CodeSizeUnzipped: 262_144_000,
    })
  })

  it('is of functions only', async () => {
    expect(await reserve('f:1', 5)).toContain('This operation is permitted on Lambda functions only.')
    expect(await reserve('x', 5)).toBe(`404 ResourceNotFoundException Function not found: ${ARN}:x:$LATEST`)
    expect(await reserve('f', -1)).toContain("Value '-1' at 'reservedConcurrentExecutions'")
  })

  it('is told to an engine that comes later', async () => {
    await reserve('f', 7)
    calls.length = 0
    await catalog.reopen()
    catalog.catalog.attach(engine)
    expect(calls).toEqual([['reserve', 'f', 7]])
  })
})

describe('provisioned concurrency', () => {
  it('is put, read, listed, deleted', async () => {
    const { status, body } = await catalog.answer('PutProvisionedConcurrencyConfig', {
      labels: { FunctionName: 'f' },
      query: { Qualifier: '1' },
      body: { ProvisionedConcurrentExecutions: 3 },
    })
    const begun = {
      RequestedProvisionedConcurrentExecutions: 3,
      AvailableProvisionedConcurrentExecutions: 0,
      AllocatedProvisionedConcurrentExecutions: 0,
      Status: 'IN_PROGRESS',
      LastModified: '2026-11-20T15:10:00+0000',
    }
    expect([status, body]).toEqual([202, begun])
    expect(calls).toEqual([['provision', 'f:1', 3]])
    state = { requested: 3, allocated: 3, available: 2, status: 'READY', reason: undefined }
    const ready = {
      ...begun,
      AllocatedProvisionedConcurrentExecutions: 3,
      AvailableProvisionedConcurrentExecutions: 2,
      Status: 'READY',
    }
    expect(await catalog.on('GetProvisionedConcurrencyConfig', 'f', undefined, { Qualifier: '1' })).toEqual(ready)
    expect(await catalog.on('GetProvisionedConcurrencyConfig', 'f', undefined, { List: 'ALL' })).toEqual({
      ProvisionedConcurrencyConfigs: [{ FunctionArn: `${ARN}:f:1`, ...ready }],
    })
    await catalog.on('DeleteProvisionedConcurrencyConfig', 'f', undefined, { Qualifier: '1' })
    expect(calls.at(-1)).toEqual(['provision', 'f:1', undefined])
    expect(await catalog.refusalOn('GetProvisionedConcurrencyConfig', 'f', undefined, { Qualifier: '1' })).toBe(
      '404 ProvisionedConcurrencyConfigNotFoundException No Provisioned Concurrency Config found for this function',
    )
  })

  it('follows an alias to another version', async () => {
    await catalog.on('UpdateFunctionCode', 'f', { ZipFile: await code('2'), Publish: true })
    await catalog.on('CreateAlias', 'f', { Name: 'live', FunctionVersion: '1' })
    expect(await provision('live', 2)).toBe(accepted)
    await catalog.on('UpdateAlias', 'f', { FunctionVersion: '2' }, undefined, { Name: 'live' })
    expect(calls).toEqual([
      ['provision', 'f:1', 2],
      ['provision', 'f:1', undefined],
      ['provision', 'f:2', 2],
    ])
    await catalog.on('DeleteFunction', 'f')
    expect(calls.at(-1)).toEqual(['provision', 'f:2', undefined])
  })

  it('refuses what AWS refuses', async () => {
    await catalog.on('CreateAlias', 'f', { Name: 'live', FunctionVersion: '1' })
    expect(await provision('$LATEST', 1)).toBe(
      `${I}Provisioned Concurrency Configs cannot be applied to unpublished function versions.`,
    )
    expect(await provision('2', 1)).toBe(`404 ResourceNotFoundException Function not found: ${ARN}:f:2`)
    expect(await provision('x', 1)).toBe(`404 ResourceNotFoundException Cannot find alias arn: ${ARN}:f:x`)
    expect(await provision('1', 0)).toContain("Value '0' at 'provisionedConcurrentExecutions'")
    expect(await provision('1', 201)).toContain("greater than account's unreserved concurrency [200]")
    expect(await provision('1', 101)).toContain('below its minimum value of [100]')
    await reserve('f', 5)
    expect(await provision('1', 6)).toBe(
      `${I}Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function`,
    )
    expect(await provision('1', 5)).toBe(accepted)
    expect(await reserve('f', 4)).toBe(
      `${I} ReservedConcurrentExecutions  4 should not be lower than function's total provisioned concurrency [5].`,
    )
    await reserve('f', 50)
    expect(await provision('live', 1)).toBe(
      "409 ResourceConflictException Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    )
    await catalog.on('DeleteProvisionedConcurrencyConfig', 'f', undefined, { Qualifier: '1' })
    await provision('live', 1)
    expect(await provision('1', 1)).toBe(
      '409 ResourceConflictException Version is pointed by a Provisioned Concurrency alias',
    )
    const get = (query: Json) => catalog.refusalOn('GetProvisionedConcurrencyConfig', 'f', undefined, query)
    expect(await get({ Qualifier: '$LATEST' })).toBe(
      `${I}The function resource provided must be an alias or a published version.`,
    )
    expect(await get({})).toContain("Value null at 'qualifier'")
  })
})
