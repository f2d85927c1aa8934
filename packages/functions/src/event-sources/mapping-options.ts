import type { MappingRecord } from '../catalog/records/mapping-record.ts'

/** Batches of a queue at a time when nothing is said. AWS begins with five pollers. */
const DEFAULT_CONCURRENCY = 5
const DEFAULT_BATCH = 100

/** How a mapping calls its function, read from its record. */
export interface MappingOptions {
  readonly uuid: string
  readonly functionName: string
  readonly qualifier: string | undefined
  readonly batchSize: number
  readonly windowMs: number
  /** Of sources without order: batches at a time. */
  readonly concurrency: number
  readonly filters: readonly string[]
  readonly reportsFailures: boolean
  readonly bisects: boolean
  /** -1: for ever. */
  readonly maxRetries: number
  /** undefined: for ever. */
  readonly maxAgeMs: number | undefined
  readonly onFailure: string | undefined
  readonly start: StartingPosition
}

export type StartingPosition =
  | { readonly from: 'first' }
  | { readonly from: 'new' }
  /** Milliseconds since 1970. */
  | { readonly from: 'time'; readonly at: number }

/** The members of the service model that count here; the catalog has checked them. */
interface Settings {
  readonly BatchSize?: number
  readonly MaximumBatchingWindowInSeconds?: number
  readonly ParallelizationFactor?: number
  readonly ScalingConfig?: { readonly MaximumConcurrency?: number }
  readonly FilterCriteria?: { readonly Filters?: readonly { readonly Pattern?: string }[] }
  readonly FunctionResponseTypes?: readonly string[]
  readonly BisectBatchOnFunctionError?: boolean
  readonly MaximumRetryAttempts?: number
  readonly MaximumRecordAgeInSeconds?: number
  readonly DestinationConfig?: { readonly OnFailure?: { readonly Destination?: string } }
  readonly StartingPosition?: 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP'
  readonly StartingPositionTimestamp?: number
}

export function mappingOptions({ uuid, functionName, qualifier, settings }: MappingRecord): MappingOptions {
  const given = settings as Settings
  const age = given.MaximumRecordAgeInSeconds ?? -1
  return {
    uuid,
    functionName,
    qualifier,
    batchSize: given.BatchSize ?? DEFAULT_BATCH,
    windowMs: (given.MaximumBatchingWindowInSeconds ?? 0) * 1_000,
    concurrency: given.ScalingConfig?.MaximumConcurrency ?? given.ParallelizationFactor ?? DEFAULT_CONCURRENCY,
    filters: (given.FilterCriteria?.Filters ?? []).flatMap(({ Pattern }) => (Pattern === undefined ? [] : [Pattern])),
    reportsFailures: (given.FunctionResponseTypes ?? []).includes('ReportBatchItemFailures'),
    bisects: given.BisectBatchOnFunctionError ?? false,
    maxRetries: given.MaximumRetryAttempts ?? -1,
    maxAgeMs: age < 0 ? undefined : age * 1_000,
    onFailure: given.DestinationConfig?.OnFailure?.Destination || undefined,
    start: startOf(given),
  }
}

function startOf({ StartingPosition, StartingPositionTimestamp }: Settings): StartingPosition {
  if (StartingPosition === 'LATEST') return { from: 'new' }
  if (StartingPosition === 'AT_TIMESTAMP') return { from: 'time', at: (StartingPositionTimestamp ?? 0) * 1_000 }
  return { from: 'first' }
}
