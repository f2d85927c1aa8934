import { afterEach, beforeEach, expect, it } from 'vitest'
import { ARN, CatalogHarness, type Json } from '../testing/catalog-harness.ts'

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create()
  await catalog.create('f', {
    Publish: true,
    DeadLetterConfig: { TargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead' },
  })
  await catalog.create('g')
})
afterEach(() => catalog.dispose())

const queue = 'arn:aws:sqs:us-east-1:000000000000:q'

it('is put, updated, read, listed and deleted', async () => {
  const put = await catalog.on('PutFunctionEventInvokeConfig', 'f', {
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination: queue } },
  })
  expect(put).toEqual({
    LastModified: Date.parse('2026-11-20T15:10:00.000Z') / 1_000,
    FunctionArn: `${ARN}:f:$LATEST`,
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnSuccess: {}, OnFailure: { Destination: queue } },
  })
  expect(await catalog.on('GetFunctionEventInvokeConfig', 'f')).toEqual(put)
  expect(await catalog.on('UpdateFunctionEventInvokeConfig', 'f', { MaximumEventAgeInSeconds: 60 })).toEqual({
    ...put,
    MaximumEventAgeInSeconds: 60,
  })
  await catalog.on('PutFunctionEventInvokeConfig', 'f', { MaximumRetryAttempts: 1 }, { Qualifier: '1' })
  const list = await catalog.on('ListFunctionEventInvokeConfigs', 'f')
  expect(list.FunctionEventInvokeConfigs.map((one: Json) => one.FunctionArn)).toEqual([
    `${ARN}:f:$LATEST`,
    `${ARN}:f:1`,
  ])
  expect(await catalog.on('PutFunctionEventInvokeConfig', 'f', { MaximumRetryAttempts: 2 })).not.toHaveProperty(
    'MaximumEventAgeInSeconds',
  )
  expect(await catalog.answer('DeleteFunctionEventInvokeConfig', { labels: { FunctionName: 'f' } })).toEqual({
    status: 204,
  })
  expect(await catalog.refusalOn('GetFunctionEventInvokeConfig', 'f')).toBe(
    `404 ResourceNotFoundException The function ${ARN}:f:$LATEST doesn't have an EventInvokeConfig`,
  )
})

it('says what holds for a call', async () => {
  const deadLetter = 'arn:aws:sqs:us-east-1:000000000000:dead'
  const defaults = {
    maximumRetryAttempts: 2,
    maximumEventAge: 21_600,
    onSuccess: undefined,
    onFailure: undefined,
    deadLetter,
  }
  expect(catalog.catalog.eventInvokeConfig('f', undefined)).toEqual(defaults)
  await catalog.on('PutFunctionEventInvokeConfig', 'f', {
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnSuccess: { Destination: `${ARN}:g` } },
  })
  expect(catalog.catalog.eventInvokeConfig('f', undefined)).toEqual({
    ...defaults,
    maximumRetryAttempts: 0,
    onSuccess: `${ARN}:g`,
  })
  expect(catalog.catalog.eventInvokeConfig('f', '1')).toEqual(defaults)
  expect(() => catalog.catalog.eventInvokeConfig('x', undefined)).toThrow('Function not found')
})

it('refuses what AWS refuses', async () => {
  const put = (body: Json, query?: Json) => catalog.refusalOn('PutFunctionEventInvokeConfig', 'f', body, query)
  const to = (Destination: string) => put({ DestinationConfig: { OnFailure: { Destination } } })
  const I = '400 InvalidParameterValueException '
  expect(await put({})).toBe(`${I}You must specify at least one of error handling or destination setting.`)
  expect(await put({ MaximumRetryAttempts: 3 })).toContain(
    "Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 2",
  )
  expect(await put({ MaximumEventAgeInSeconds: 59 })).toContain("at 'maximumEventAgeInSeconds'")
  expect(await put({ MaximumRetryAttempts: 1 }, { Qualifier: '9' })).toBe(
    "404 ResourceNotFoundException The function doesn't exist.",
  )
  expect(await to('hello')).toContain("at 'destinationConfig.onFailure.destination'")
  expect(await to(`${ARN}:f`)).toBe(`${I}You can't specify the function as a destination for itself.`)
  expect(await to(`${ARN}:none`)).toBe(`${I}The destination ARN ${ARN}:none is invalid.`)
  expect(await to('arn:aws:ec2:us-east-1:000000000000:x')).toBe(
    `${I}The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination=arn:aws:ec2:us-east-1:000000000000:x)) is invalid.`,
  )
  expect(await to(`${ARN}:g`)).toBe('it was accepted')
  expect(await catalog.refusalOn('UpdateFunctionEventInvokeConfig', 'g', { MaximumRetryAttempts: 1 })).toContain(
    "doesn't have an EventInvokeConfig",
  )
})

it('refuses queues that nothing is known to stand behind', async () => {
  const nowhere = await CatalogHarness.create({ settings: { destinationProblem: (arn) => `nothing is behind ${arn}` } })
  try {
    await nowhere.create('f')
    const answer = `400 InvalidParameterValueException nothing is behind ${queue}.`
    const destinations = { DestinationConfig: { OnFailure: { Destination: queue } } }
    expect(await nowhere.refusalOn('PutFunctionEventInvokeConfig', 'f', destinations)).toBe(answer)
    const letters = { DeadLetterConfig: { TargetArn: queue } }
    expect(await nowhere.refusalOn('UpdateFunctionConfiguration', 'f', letters)).toBe(answer)
    await nowhere.on('UpdateFunctionConfiguration', 'f', { DeadLetterConfig: { TargetArn: '' } })
  } finally {
    await nowhere.dispose()
  }
})
