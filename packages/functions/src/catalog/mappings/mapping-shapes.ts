import { flag, integer, oneOf, text } from '../shapes/scalars.ts'
import { list, map, structure } from '../shapes/composites.ts'
import { destinationShape } from '../event-invoke/destinations.ts'
import { tagsShape } from '../tags/tag-rules.ts'
import { failed, required, type Shape } from '../shapes/shape.ts'

/** Seconds since 1970, as restJson has them; the CLI sends text. */
const timestamp: Shape<number> = {
  type: 'a Timestamp',
  violations: () => [],
  read(value, at, problems) {
    const seconds = typeof value === 'string' ? Date.parse(value) / 1_000 : value
    if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0) return seconds
    problems.push(failed(`'${String(value)}'`, at, 'Member must be a time'))
    return 0
  },
}

/** Members of both requests that are kept as they are given. */
const common = {
  Enabled: flag(),
  BatchSize: integer({ min: 1, max: 10_000 }),
  FilterCriteria: structure({ Filters: list(structure({ Pattern: text({ max: 4_096 }) }), { max: 5 }) }),
  MaximumBatchingWindowInSeconds: integer({ min: 0, max: 300 }),
  ParallelizationFactor: integer({ min: 1, max: 10 }),
  DestinationConfig: destinationShape,
  MaximumRecordAgeInSeconds: integer({ min: -1, max: 604_800 }),
  BisectBatchOnFunctionError: flag(),
  MaximumRetryAttempts: integer({ min: -1, max: 10_000 }),
  TumblingWindowInSeconds: integer({ min: 0, max: 900 }),
  FunctionResponseTypes: list(oneOf('ReportBatchItemFailures'), { max: 1 }),
  ScalingConfig: structure({ MaximumConcurrency: integer({ min: 2, max: 1_000 }) }),
  SourceAccessConfigurations: list(structure({ Type: text(), URI: text({ min: 1, max: 200 }) }), { max: 22 }),
  KMSKeyArn: text(),
} as const

const consumerGroup = structure({ ConsumerGroupId: text({ min: 1, max: 200, pattern: '[a-zA-Z0-9-\\/*:_+=.@-]*' }) })

export const createMembers = {
  ...common,
  FunctionName: required(text({ min: 1, max: 256 })),
  EventSourceArn: text({
    pattern: 'arn:(aws[a-zA-Z0-9-]*|sekisho):([a-zA-Z0-9\\-])+:([a-z]{2}(-gov)?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)',
  }),
  StartingPosition: oneOf('TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'),
  StartingPositionTimestamp: timestamp,
  Topics: list(text({ min: 1, max: 249, pattern: '[^.]([a-zA-Z0-9\\-_.]+)' }), { min: 1, max: 1 }),
  Queues: list(text({ min: 1, max: 1_000 }), { min: 1, max: 1 }),
  SelfManagedEventSource: structure({ Endpoints: map(list(text({ min: 1, max: 300 }), { min: 1, max: 10 })) }),
  AmazonManagedKafkaEventSourceConfig: consumerGroup,
  SelfManagedKafkaEventSourceConfig: consumerGroup,
  Tags: tagsShape,
} as const

export const updateMembers = { ...common, FunctionName: text({ min: 1, max: 256 }) } as const

export const createShape = structure(createMembers)
export const updateShape = structure(updateMembers)
