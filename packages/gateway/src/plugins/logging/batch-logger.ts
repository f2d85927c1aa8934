import type { PluginContext } from '../context.ts'
import type { PluginHooks } from '../definition.ts'
import type { GatewaySession } from '../../session.ts'
import { batchLimits } from './batch-options.ts'
import { BatchQueue, type BatchSink } from './batch-queue.ts'
import type { EntryConfig } from './entry-options.ts'
import { entryMaker, type EntryMaker, type EntryMetadata } from './log-entry.ts'
import { LogCounts } from './log-metrics.ts'

type BatchConfig = Parameters<typeof batchLimits>[0]
export type BatchMetadata = Parameters<typeof batchLimits>[1] & EntryMetadata

/** A queue to a sink, with the names and limits of a plugin's instance. */
export function logQueue<Entry>(
  plugin: string,
  config: BatchConfig,
  context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>,
  metadata: Parameters<typeof batchLimits>[1],
  sink: BatchSink<Entry>,
): BatchQueue<Entry> {
  const name = config.name === plugin ? plugin : `${plugin} "${config.name}"`
  return new BatchQueue(sink, {
    name,
    fields: { plugin, place: context.scope },
    limits: batchLimits(config, metadata),
    counts: new LogCounts(plugin, context.metrics),
    logger: context.logger,
  })
}

/** The hooks of a logger whose entries are JSON objects: it gathers them as text, and `sink` gets them in batches. */
export function batchLogger(
  plugin: string,
  config: BatchConfig & EntryConfig,
  context: Pick<PluginContext<unknown, BatchMetadata>, 'scope' | 'metrics' | 'logger' | 'metadata'>,
  sink: BatchSink<string>,
  entryOf: (fields: string, session: GatewaySession) => string = braced,
  entries: EntryMaker = entryMaker(config, context.metadata),
): PluginHooks {
  const queue = logQueue(plugin, config, context, context.metadata, sink)
  return {
    ...hooksOf(entries, (fields, session) => {
      const entry = entryOf(fields, session)
      queue.push(entry, entry.length)
    }),
    dispose: () => queue.dispose(),
  }
}

/** Named one by one: those of an object with a prototype are not copied by a spread. */
export function hooksOf(entries: EntryMaker, take: Parameters<EntryMaker['hooks']>[0]): PluginHooks {
  const { requestBody, bodyFilter, log } = entries.hooks(take)
  return { requestBody, bodyFilter, log }
}

const braced = (fields: string): string => `{${fields}}`

/** The entries of a batch as APISIX sends them: a list, or the one entry itself where batches have one. */
export const batchJson = (entries: readonly string[], maxBatchEntries: number): string =>
  maxBatchEntries === 1 ? entries[0] : `[${entries.join()}]`
