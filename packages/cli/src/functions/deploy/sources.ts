import { Failure } from '../../failure.ts'
import type { FunctionClient } from '../api/function-client.ts'
import { withBody } from '../api/http-call.ts'
import type { SourceSetting } from './settings-schema.ts'

const MAPPINGS = '/2015-03-31/event-source-mappings'
const ENDPOINTS = { redis: 'REDIS_URLS', nats: 'NATS_SERVERS', kafka: 'KAFKA_BOOTSTRAP_SERVERS' } as const

interface Mapping {
  readonly UUID: string
  readonly EventSourceArn?: string
  readonly Topics?: readonly string[]
  readonly SelfManagedEventSource?: { readonly Endpoints?: Readonly<Record<string, readonly string[]>> }
}

/** Leads a source to a function, or changes how it does. Others that the function has are left alone: who made them is not known. */
export async function setSource(client: FunctionClient, target: string, source: SourceSetting): Promise<void> {
  const identity = identityOf(source)
  const { EventSourceMappings } = await client.json<{ EventSourceMappings: readonly Mapping[] }>({
    method: 'GET',
    path: `${MAPPINGS}/?FunctionName=${encodeURIComponent(target)}`,
  })
  const there = EventSourceMappings.find((mapping) => isOf(mapping, identity))
  const input = settingsOf(source)
  if (there !== undefined) {
    await client.json({ method: 'PUT', path: `${MAPPINGS}/${there.UUID}`, ...withBody(input) })
    return
  }
  const start = source.start === 'latest' ? 'LATEST' : 'TRIM_HORIZON'
  const creation = {
    ...identity,
    ...input,
    FunctionName: target,
    ...(isQueue(identity) ? {} : { StartingPosition: start }),
  }
  await client.json({ method: 'POST', path: `${MAPPINGS}/`, ...withBody(creation) })
}

type Identity = Omit<Mapping, 'UUID'>

/** Throws Failure for what is no source, or two. */
function identityOf({ arn, topic, ...source }: SourceSetting): Identity {
  const kinds = (Object.keys(ENDPOINTS) as (keyof typeof ENDPOINTS)[]).filter((kind) => source[kind] !== undefined)
  const [kind] = kinds
  if (kinds.length + (arn === undefined ? 0 : 1) !== 1)
    throw new Failure('each of "sources" must have one of "arn", "redis", "nats" and "kafka"')
  if (kind === undefined) {
    if (topic !== undefined) throw new Failure('a source with "arn" has no "topic": the ARN says it')
    return { EventSourceArn: arn! }
  }
  if (topic === undefined) throw new Failure(`the source "${kind}: ${source[kind]}" needs a "topic"`)
  const servers = source[kind]!.split(',').map((server) => server.trim())
  return { SelfManagedEventSource: { Endpoints: { [ENDPOINTS[kind]]: servers } }, Topics: [topic] }
}

const isQueue = ({ EventSourceArn }: Identity): boolean => EventSourceArn?.split(':')[2] === 'sqs'

function isOf(mapping: Mapping, identity: Identity): boolean {
  const parts = ({ EventSourceArn, Topics, SelfManagedEventSource }: Identity): string =>
    JSON.stringify([EventSourceArn ?? '', Topics ?? [], SelfManagedEventSource?.Endpoints ?? {}])
  return parts(mapping) === parts(identity)
}

const settingsOf = (source: SourceSetting): object => ({
  Enabled: source.enabled ?? true,
  ...(source.batch_size === undefined ? {} : { BatchSize: source.batch_size }),
  ...(source.window === undefined ? {} : { MaximumBatchingWindowInSeconds: source.window }),
  ...(source.retries === undefined ? {} : { MaximumRetryAttempts: source.retries }),
  ...(source.report_failures === undefined
    ? {}
    : { FunctionResponseTypes: source.report_failures ? ['ReportBatchItemFailures'] : [] }),
})
