import { invalidParameter } from '../../model/service-error.ts'
import type { EventSource } from '../catalog-context.ts'

export type MappingSettings = Readonly<Record<string, unknown>>

/** Queues deliver what is there; streams are read from a place, in order. */
export type SourceKind = 'queue' | 'stream'

export function sourceOf(settings: MappingSettings): EventSource {
  const endpoints = (settings['SelfManagedEventSource'] as { Endpoints?: Record<string, string[]> } | undefined)
    ?.Endpoints
  return {
    arn: settings['EventSourceArn'] as string | undefined,
    servers: Object.values(endpoints ?? {})[0],
  }
}

export function kindOf({ arn }: EventSource): SourceKind {
  const service = arn?.split(':')[2]
  return service === 'sqs' || service === 'mq' ? 'queue' : 'stream'
}

/** AWS's: of SQS 10, of everything else 100. */
const DEFAULT_BATCH = { queue: 10, stream: 100 } as const

/** What AWS fills in, and shows. */
export function withDefaults(settings: MappingSettings): MappingSettings {
  const kind = kindOf(sourceOf(settings))
  const common = {
    BatchSize: DEFAULT_BATCH[kind],
    MaximumBatchingWindowInSeconds: 0,
    FunctionResponseTypes: [],
  }
  const stream = {
    ParallelizationFactor: 1,
    MaximumRecordAgeInSeconds: -1,
    BisectBatchOnFunctionError: false,
    MaximumRetryAttempts: -1,
    TumblingWindowInSeconds: 0,
    DestinationConfig: { OnFailure: {} },
  }
  return { ...common, ...(kind === 'stream' ? stream : {}), ...settings }
}

/** What a shape cannot say. */
export function checkSettings(settings: MappingSettings): void {
  const source = sourceOf(settings)
  if (source.arn === undefined && source.servers === undefined) throw invalidParameter('Unrecognized event source.')
  if (source.arn !== undefined && source.servers !== undefined)
    throw invalidParameter('EventSourceArn and SelfManagedEventSource cannot both be given.')
  if (source.servers !== undefined && settings['Topics'] === undefined)
    throw invalidParameter('Topics is mandatory for a self-managed event source.')
  if (kindOf(source) === 'stream' && settings['StartingPosition'] === undefined)
    throw invalidParameter(
      "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    )
  if (settings['StartingPosition'] === 'AT_TIMESTAMP' && settings['StartingPositionTimestamp'] === undefined)
    throw invalidParameter('StartingPositionTimestamp is mandatory with the starting position AT_TIMESTAMP.')
  if (
    kindOf(source) === 'queue' &&
    (settings['BatchSize'] as number) > 10 &&
    settings['MaximumBatchingWindowInSeconds'] === 0
  )
    throw invalidParameter(
      'Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10',
    )
  checkFilters(settings)
  checkSupported(settings)
}

/** Whoever asks for what is not done here is told so, and not left to believe in it. */
function checkSupported(settings: MappingSettings): void {
  if (((settings['KMSKeyArn'] as string | undefined) ?? '') !== '')
    throw invalidParameter('KMSKeyArn is not supported by Sekisho: there is no KMS.')
  if (((settings['SourceAccessConfigurations'] as unknown[] | undefined) ?? []).length > 0)
    throw invalidParameter(
      'SourceAccessConfigurations is not supported by Sekisho: there is no Secrets Manager and no VPC. User and password belong into the address of the source.',
    )
  if (((settings['TumblingWindowInSeconds'] as number | undefined) ?? 0) > 0)
    throw invalidParameter('TumblingWindowInSeconds is not supported by Sekisho: batches carry no state between them.')
}

function checkFilters(settings: MappingSettings): void {
  const filters = (settings['FilterCriteria'] as { Filters?: { Pattern?: string }[] } | undefined)?.Filters ?? []
  for (const { Pattern } of filters) {
    let pattern: unknown
    try {
      pattern = JSON.parse(Pattern ?? '')
    } catch {
      pattern = undefined
    }
    if (typeof pattern !== 'object' || pattern === null || Array.isArray(pattern))
      throw invalidParameter('Invalid filter pattern definition.')
  }
}
