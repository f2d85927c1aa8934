import { Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'
import type { BatchLimits } from './batch-queue.ts'
import { formatOptions } from './entry-options.ts'

/** Entries wait in each worker for each configuration: 8192, as in APISIX, and no more than so many bytes of them. */
export const DEFAULT_MAX_PENDING_ENTRIES = 8_192
export const DEFAULT_MAX_PENDING_BYTES = 33_554_432

/** The options of APISIX's batch processor, which every logger that sends in batches has. */
export const batchOptions = (name: string) => ({
  name: defaulted(Type.String({ default: name, description: 'what the error log calls this logger' })),
  batch_max_size: defaulted(
    Type.Integer({ minimum: 1, default: 1_000, description: 'entries that are sent at once; 1: each by itself' }),
  ),
  inactive_timeout: defaulted(
    Type.Integer({
      minimum: 1,
      default: 5,
      description: 'seconds without a new entry after which those there are leave',
    }),
  ),
  buffer_duration: defaulted(
    Type.Integer({ minimum: 1, default: 60, description: 'seconds that an entry waits for others at most' }),
  ),
  max_retry_count: defaulted(
    Type.Integer({
      minimum: 0,
      default: 0,
      description: 'how often a batch is sent again that the sink did not take; then it is dropped',
    }),
  ),
  retry_delay: defaulted(
    Type.Integer({
      minimum: 0,
      default: 1,
      description: 'seconds before the first repetition; each further one waits twice as long, up to a minute',
    }),
  ),
})

/** What all instances of a logger have in common, in its metadata. */
export const batchMetadata = {
  max_pending_entries: defaulted(
    Type.Integer({
      minimum: 1,
      default: DEFAULT_MAX_PENDING_ENTRIES,
      description:
        'entries that may wait in a worker, for each configuration; what comes beyond is dropped and counted',
    }),
  ),
  max_pending_bytes: defaulted(
    Type.Integer({
      minimum: 1,
      default: DEFAULT_MAX_PENDING_BYTES,
      description: 'the same in bytes',
    }),
  ),
}

/** The metadata of a logger that sends entries in batches. */
export const batchLoggerMetadata = Type.Object({ ...formatOptions, ...batchMetadata }, { additionalProperties: false })

interface BatchConfig {
  readonly name: string
  readonly batch_max_size: number
  readonly inactive_timeout: number
  readonly buffer_duration: number
  readonly max_retry_count: number
  readonly retry_delay: number
}

interface BatchMetadata {
  readonly max_pending_entries?: number
  readonly max_pending_bytes?: number
}

/** The same in the units of the queue. */
export function batchLimits(config: BatchConfig, metadata: BatchMetadata | undefined): BatchLimits {
  return {
    maxBatchEntries: config.batch_max_size,
    inactiveMs: config.inactive_timeout * 1_000,
    maxAgeMs: config.buffer_duration * 1_000,
    maxRetries: config.max_retry_count,
    retryDelayMs: config.retry_delay * 1_000,
    maxPendingEntries: metadata?.max_pending_entries ?? DEFAULT_MAX_PENDING_ENTRIES,
    maxPendingBytes: metadata?.max_pending_bytes ?? DEFAULT_MAX_PENDING_BYTES,
  }
}
