import { randomUUID } from 'node:crypto'
import { isFunctionArn } from '../async/delivery.ts'
import type { EventQueue } from '../async/event-queue.ts'
import type { Runner } from '../async/run-function.ts'
import type { QueueMap } from '../async/targets/queue-map.ts'
import type { Targets } from '../async/targets/targets.ts'
import type { FunctionCatalog } from '../catalog/function-catalog.ts'
import type { MappingRecord } from '../catalog/records/mapping-record.ts'
import type { Discarded } from './batch-runner.ts'
import { discardRecord } from './discard-record.ts'
import { compileFilter } from './filter-pattern.ts'
import { type MappingOptions, mappingOptions } from './mapping-options.ts'
import { type MappingCounts, MappingRunner } from './mapping-runner.ts'
import { openPoller } from './open-poller.ts'
import { renderMappingMetrics } from './mapping-metrics.ts'
import { type SourceAddress, sourceAddress, sourceProblem, type SourceSettings } from './source-address.ts'
import { wait } from './waiting.ts'

/** Between tries to tell an OnFailure destination, doubled by each. */
const MIN_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 60_000

/** Where mappings are kept. */
export interface MappingCatalog extends Pick<FunctionCatalog, 'resolve' | 'prepare'> {
  mappings(): readonly MappingRecord[]
  onMappingChange(listener: (uuid: string, mapping: MappingRecord | undefined) => void): () => void
  reportMapping(uuid: string, report: { readonly lastProcessingResult: string }): void
}

export interface EventSourcesOptions {
  readonly catalog: MappingCatalog
  readonly engine: Runner['engine']
  readonly events: EventQueue
  readonly targets: Targets
  /** What stands behind ARNs. */
  readonly queues: QueueMap
  /** This node among others that share the mappings: the same after a restart. */
  readonly node: string
  readonly region: string
  readonly onProblem: (fields: object, message: string) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

interface Running {
  readonly record: MappingRecord
  readonly counts: MappingCounts
  readonly runner: MappingRunner | undefined
}

/** Why a mapping cannot work as it is set, in words for whoever sets it; undefined: it can. For the catalog. */
export function mappingProblem(settings: Readonly<Record<string, unknown>>, queues: QueueMap): string | undefined {
  const problem = sourceProblem(settings as SourceSettings, queues)
  if (problem !== undefined) return problem
  const { Filters: filters = [] } = (settings['FilterCriteria'] ?? {}) as { Filters?: { Pattern?: string }[] }
  for (const { Pattern } of filters) {
    try {
      compileFilter(Pattern ?? '')
    } catch (error) {
      return `Invalid filter pattern definition. ${(error as Error).message}`
    }
  }
  return undefined
}

/** Runs all mappings that are enabled, as they come, change and go. */
export class EventSources {
  readonly #options: EventSourcesOptions
  readonly #now: () => number
  readonly #running = new Map<string, Running>()
  /** Changes of one mapping, one after another. */
  readonly #changes = new Map<string, Promise<void>>()
  readonly #unwatch: () => void
  #closed = false

  constructor(options: EventSourcesOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#unwatch = options.catalog.onMappingChange((uuid, mapping) => this.#change(uuid, mapping))
    for (const mapping of options.catalog.mappings()) this.#change(mapping.uuid, mapping)
  }

  /** Resolves when batches under way have ended, or `graceMs` (0: no limit) has passed: then their records come again. */
  async close(graceMs = 0): Promise<void> {
    this.#closed = true
    this.#unwatch()
    for (const uuid of this.#running.keys()) this.#change(uuid, undefined)
    const stop = new AbortController()
    const ended = Promise.all(this.#changes.values()).then(() => stop.abort())
    await (graceMs === 0 ? ended : Promise.race([ended, wait(graceMs, stop.signal)]))
  }

  /** In the Prometheus text format. */
  metrics(): string {
    return renderMappingMetrics(
      [...this.#running.values()].map(({ record, counts }) => ({
        uuid: record.uuid,
        functionName: record.functionName,
        counts,
      })),
    )
  }

  #change(uuid: string, mapping: MappingRecord | undefined): void {
    const changed = (this.#changes.get(uuid) ?? Promise.resolve()).then(() => this.#apply(uuid, mapping))
    this.#changes.set(uuid, changed)
    void changed.finally(() => {
      if (this.#changes.get(uuid) === changed) this.#changes.delete(uuid)
    })
  }

  /** Never rejects. */
  async #apply(uuid: string, mapping: MappingRecord | undefined): Promise<void> {
    const before = this.#running.get(uuid)
    if (before !== undefined && mapping !== undefined && isSame(before.record, mapping)) return
    this.#running.delete(uuid)
    await before?.runner?.stop()
    if (mapping === undefined || !mapping.enabled || this.#closed) return
    const counts = before?.counts ?? { records: 0, batches: 0, filtered: 0, discarded: 0 }
    this.#running.set(uuid, { record: mapping, counts, runner: this.#start(mapping, counts) })
  }

  #start(mapping: MappingRecord, counts: MappingCounts): MappingRunner | undefined {
    const { catalog, engine, queues, node, region, onProblem } = this.#options
    const { uuid, functionName } = mapping
    const address = sourceAddress(mapping, queues)
    const options = mappingOptions(mapping)
    let last: string | undefined
    const onResult = (result: string) => {
      if (result === last) return
      last = result
      catalog.reportMapping(uuid, { lastProcessingResult: result })
      if (result !== 'OK') onProblem({ mapping: uuid, function: functionName, result }, 'an event source has a problem')
    }
    if (typeof address === 'string') {
      onResult(`PROBLEM: ${address}`)
      return undefined
    }
    try {
      return new MappingRunner({
        runner: { catalog, engine },
        options,
        counts,
        onResult,
        now: this.#now,
        open: () => openPoller(address, options.start, node, region),
        discard: (discarded, event, stop) => this.#discard(discarded, event, stop, options, address),
      })
    } catch (error) {
      onResult(`PROBLEM: ${(error as Error).message}`)
      return undefined
    }
  }

  /** Until the destination has it: records that nobody knows of are not passed over. */
  async #discard(
    discarded: Discarded,
    event: object,
    stop: AbortSignal,
    { onFailure, functionName, qualifier, uuid }: MappingOptions,
    address: SourceAddress,
  ): Promise<void> {
    const { onProblem } = this.#options
    const { condition, records } = discarded
    onProblem(
      { mapping: uuid, function: functionName, condition, first: records[0]?.id, records: records.length },
      'records of an event source are given up',
    )
    if (onFailure === undefined) return
    const body = discardRecord(discarded, event, this.#arnOf(functionName, qualifier), address, this.#now())
    for (let attempts = 0; !stop.aborted; attempts++) {
      try {
        await this.#tell(onFailure, body)
        return
      } catch (error) {
        if (attempts === 0)
          onProblem({ mapping: uuid, target: onFailure, error }, 'a destination could not be told: again')
        await wait(Math.min(MIN_BACKOFF_MS * 2 ** Math.min(attempts, 10), MAX_BACKOFF_MS), stop)
      }
    }
  }

  async #tell(arn: string, body: string): Promise<void> {
    const { catalog, events, targets } = this.#options
    if (!isFunctionArn(arn)) {
      await targets.send({ arn, body, attributes: {} })
      return
    }
    const { function: fn, invokedArn } = catalog.resolve(arn, undefined)
    await events.enqueue({
      requestId: randomUUID(),
      functionName: fn.name,
      qualifier: invokedArn === fn.arn ? undefined : invokedArn.slice(fn.arn.length + 1),
      invokedArn,
      payload: Buffer.from(body),
      traceId: undefined,
      clientContext: undefined,
      tenantId: undefined,
    })
  }

  #arnOf(functionName: string, qualifier: string | undefined): string {
    try {
      return this.#options.catalog.resolve(functionName, qualifier).invokedArn
    } catch {
      return functionName
    }
  }
}

/** Tags and dates make no difference to what runs. */
const isSame = (a: MappingRecord, b: MappingRecord): boolean =>
  a.enabled === b.enabled &&
  a.functionName === b.functionName &&
  a.qualifier === b.qualifier &&
  JSON.stringify(a.settings) === JSON.stringify(b.settings)
