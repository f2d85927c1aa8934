import { afterEach, beforeEach, expect, it } from 'vitest'
import { ARN, CatalogHarness, type Json } from '../testing/catalog-harness.ts'

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create({
    settings: {
      eventSourceProblem: ({ arn }) => (arn?.includes(':nowhere') === true ? 'Unrecognized event source.' : undefined),
    },
  })
  await catalog.create('f', { Publish: true })
})
afterEach(() => catalog.dispose())

const queue = 'arn:aws:sqs:us-east-1:000000000000:q'
const stream = 'arn:aws:kinesis:us-east-1:000000000000:stream/s'
const create = (body: Json) => catalog.call('CreateEventSourceMapping', { body: { FunctionName: 'f', ...body } })
const refuse = (body: Json) => catalog.refusal('CreateEventSourceMapping', { body: { FunctionName: 'f', ...body } })
const on = (name: string, UUID: string, body?: Json) =>
  catalog.call(name, { labels: { UUID }, ...(body === undefined ? {} : { body }) })

it('is made, read, changed, listed and deleted', async () => {
  const { status } = await catalog.answer('CreateEventSourceMapping', {
    body: { FunctionName: 'f', EventSourceArn: stream, StartingPosition: 'LATEST' },
  })
  expect(status).toBe(202)
  const changes: unknown[] = []
  catalog.catalog.onMappingChange((_, mapping) => changes.push(mapping?.enabled))
  const made = await create({ EventSourceArn: queue })
  expect(made).toEqual({
    UUID: expect.any(String),
    EventSourceMappingArn: `arn:aws:lambda:us-east-1:000000000000:event-source-mapping:${made.UUID}`,
    FunctionArn: `${ARN}:f`,
    LastModified: Date.parse('2026-11-20T15:10:00.000Z') / 1_000,
    State: 'Creating',
    StateTransitionReason: 'USER_INITIATED',
    BatchSize: 10,
    MaximumBatchingWindowInSeconds: 0,
    FunctionResponseTypes: [],
    EventSourceArn: queue,
  })
  const enabled = { ...made, State: 'Enabled' }
  expect(await on('GetEventSourceMapping', made.UUID)).toEqual(enabled)
  expect(await on('UpdateEventSourceMapping', made.UUID, { Enabled: false, BatchSize: 5 })).toEqual({
    ...enabled,
    State: 'Disabling',
    BatchSize: 5,
  })
  catalog.catalog.reportMapping(made.UUID, { lastProcessingResult: 'OK' })
  await catalog.reopen()
  expect(await on('GetEventSourceMapping', made.UUID)).toMatchObject({ State: 'Disabled', BatchSize: 5 })
  const list = async (query: Json) =>
    (await catalog.call('ListEventSourceMappings', { query })).EventSourceMappings.length
  expect([await list({}), await list({ EventSourceArn: queue }), await list({ FunctionName: 'g' })]).toEqual([2, 1, 0])
  expect((await on('DeleteEventSourceMapping', made.UUID)).State).toBe('Deleting')
  expect(await catalog.refusal('GetEventSourceMapping', { labels: { UUID: made.UUID } })).toBe(
    '404 ResourceNotFoundException The resource you requested does not exist.',
  )
  expect(changes).toEqual([true, false])
})

it('has the defaults of streams, and says how it goes', async () => {
  const made = await create({ EventSourceArn: stream, StartingPosition: 'TRIM_HORIZON', FunctionName: 'f:1' })
  expect(made).toMatchObject({
    FunctionArn: `${ARN}:f:1`,
    BatchSize: 100,
    ParallelizationFactor: 1,
    MaximumRetryAttempts: -1,
    MaximumRecordAgeInSeconds: -1,
    BisectBatchOnFunctionError: false,
    TumblingWindowInSeconds: 0,
    DestinationConfig: { OnFailure: {} },
    StateTransitionReason: 'User action',
    LastProcessingResult: 'No records processed',
  })
  catalog.catalog.reportMapping(made.UUID, { lastProcessingResult: 'OK' })
  expect((await on('GetEventSourceMapping', made.UUID)).LastProcessingResult).toBe('OK')
  expect(catalog.catalog.mappings()).toMatchObject([
    { functionName: 'f', qualifier: '1', enabled: true, settings: { BatchSize: 100 } },
  ])
})

it('takes Kafka that AWS does not run, filters and tags', async () => {
  const made = await create({
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['127.0.0.1:9092'] } },
    Topics: ['orders'],
    StartingPosition: 'AT_TIMESTAMP',
    StartingPositionTimestamp: 1_700_000_000,
    FilterCriteria: { Filters: [{ Pattern: '{"body":{"a":[1]}}' }] },
    Tags: { team: 'x' },
  })
  expect(made).toMatchObject({ Topics: ['orders'], BatchSize: 100 })
  const labels = { Resource: made.EventSourceMappingArn }
  expect((await catalog.call('ListTags', { labels })).Tags).toEqual({ team: 'x' })
  await catalog.call('TagResource', { labels, body: { Tags: { b: '1' } } })
  expect((await catalog.call('ListTags', { labels })).Tags).toEqual({ team: 'x', b: '1' })
})

it('refuses what AWS refuses', async () => {
  const I = '400 InvalidParameterValueException '
  expect(await refuse({})).toBe(`${I}Unrecognized event source.`)
  expect(await refuse({ EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:nowhere' })).toBe(
    `${I}Unrecognized event source.`,
  )
  expect(await refuse({ EventSourceArn: stream })).toBe(
    `${I}1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.`,
  )
  expect(await refuse({ EventSourceArn: queue, FunctionName: 'nobody' })).toBe(`${I}Function does not exist`)
  expect(await refuse({ EventSourceArn: queue, FunctionName: 'f:9' })).toBe(`${I}Function does not exist`)
  expect(await refuse({ EventSourceArn: queue, BatchSize: 11 })).toBe(
    `${I}Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10`,
  )
  expect(await refuse({ EventSourceArn: queue, FilterCriteria: { Filters: [{ Pattern: 'x' }] } })).toBe(
    `${I}Invalid filter pattern definition.`,
  )
  expect(await refuse({ EventSourceArn: queue, BatchSize: 0 })).toContain("at 'batchSize'")
  const read = { EventSourceArn: stream, StartingPosition: 'LATEST' }
  const access = [{ Type: 'BASIC_AUTH', URI: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:s' }]
  expect(await refuse({ ...read, SourceAccessConfigurations: access })).toContain(
    `${I}SourceAccessConfigurations is not supported by Sekisho`,
  )
  expect(await refuse({ ...read, TumblingWindowInSeconds: 5 })).toContain(
    `${I}TumblingWindowInSeconds is not supported by Sekisho`,
  )
  expect(await refuse({ EventSourceArn: 'x' })).toContain("at 'eventSourceArn'")
  expect(await refuse({ EventSourceArn: queue })).toBe('it was accepted')
  expect(await refuse({ EventSourceArn: queue })).toMatch(
    /^409 ResourceConflictException An event source mapping with event source/,
  )
})
