import type { MappingRecord } from '../catalog/records/mapping-record.ts'
import { nameOfArn, queueUrl, unmappedArn, type QueueMap } from '../async/targets/queue-map.ts'

/** What a mapping reads from. */
export interface SourceAddress {
  readonly kind: 'redis' | 'nats' | 'kafka'
  /** One for each server, with what is behind `?` of the first. */
  readonly urls: readonly URL[]
  /** Stream of Redis or JetStream, topic of Kafka. */
  readonly name: string
  /** As functions see it. */
  readonly arn: string
  /** Given by servers, not by an ARN. */
  readonly selfManaged: boolean
  /** Consumer group; the mapping's UUID unless given. */
  readonly group: string
}

/** The members of a mapping that name its source. */
export interface SourceSettings {
  readonly EventSourceArn?: string
  readonly SelfManagedEventSource?: { readonly Endpoints?: Readonly<Record<string, readonly string[]>> }
  readonly Topics?: readonly string[]
  readonly Queues?: readonly string[]
  readonly SelfManagedKafkaEventSourceConfig?: { readonly ConsumerGroupId?: string }
  readonly AmazonManagedKafkaEventSourceConfig?: { readonly ConsumerGroupId?: string }
}

/** Kinds of `SelfManagedEventSource.Endpoints`: AWS's, and two of our own. */
const ENDPOINTS = {
  KAFKA_BOOTSTRAP_SERVERS: 'kafka',
  REDIS_URLS: 'redis',
  NATS_SERVERS: 'nats',
} as const

export const ENDPOINT_TYPES: readonly string[] = Object.keys(ENDPOINTS)

const SCHEMES: Readonly<Record<string, SourceAddress['kind']>> = {
  'kafka:': 'kafka',
  'redis:': 'redis',
  'rediss:': 'redis',
  'nats:': 'nats',
  'tls:': 'nats',
}

/** Why nothing can come from a source, in words for the caller; undefined: it can. */
export function sourceProblem(settings: SourceSettings, queues: QueueMap): string | undefined {
  const address = addressOf(settings, 'group', queues)
  return typeof address === 'string' ? address : undefined
}

/** Where a mapping's records come from, or what is wrong with what it says. */
export function sourceAddress({ settings, uuid }: MappingRecord, queues: QueueMap): SourceAddress | string {
  return addressOf(settings as SourceSettings, uuid, queues)
}

function addressOf(settings: SourceSettings, uuid: string, queues: QueueMap): SourceAddress | string {
  const group =
    settings.SelfManagedKafkaEventSourceConfig?.ConsumerGroupId ??
    settings.AmazonManagedKafkaEventSourceConfig?.ConsumerGroupId ??
    uuid
  const named = settings.Topics?.[0] ?? settings.Queues?.[0]
  return settings.EventSourceArn === undefined
    ? byEndpoints(settings, named, group)
    : byArn(settings.EventSourceArn, named, group, queues)
}

function byEndpoints(settings: SourceSettings, name: string | undefined, group: string): SourceAddress | string {
  const endpoints = Object.entries(settings.SelfManagedEventSource?.Endpoints ?? {})
  const [type, servers] = endpoints[0] ?? []
  if (endpoints.length !== 1 || servers === undefined || !Object.hasOwn(ENDPOINTS, type!))
    return `SelfManagedEventSource.Endpoints must have one of ${ENDPOINT_TYPES.join(', ')}.`
  const kind = ENDPOINTS[type as keyof typeof ENDPOINTS]
  if (name === undefined) return `Topics must name the ${kind === 'kafka' ? 'topic' : 'stream'}.`
  const urls = servers.map((server) => urlOf(server, kind))
  const wrong = urls.findIndex((url) => url === undefined || SCHEMES[url.protocol] !== kind)
  if (wrong >= 0) return `${servers[wrong]} is no server of ${type}: write HOST:PORT or ${kind}://HOST:PORT.`
  return { kind, urls: urls as URL[], name, arn: `arn:sekisho:${kind}:::${name}`, selfManaged: true, group }
}

function byArn(arn: string, named: string | undefined, group: string, queues: QueueMap): SourceAddress | string {
  const text = queueUrl(queues, arn)
  if (text === undefined) return `${unmappedArn(arn)}.`
  // Several servers are only in the URL of Kafka, which URL does not read.
  const [, scheme, servers, rest] = /^([a-z]+:)\/\/([^/?]*)(.*)$/.exec(text) ?? []
  const kind = scheme === undefined ? undefined : SCHEMES[scheme]
  if (kind === undefined)
    return `${arn} stands for ${text}, from which nothing can be read: use redis://, nats:// or kafka://.`
  const urls = servers!.split(',').map((server) => urlOf(`${scheme}//${server}${rest}`, kind))
  if (urls.includes(undefined)) return `${arn} stands for ${text}, which is no URL.`
  const query = urls[0]!.searchParams
  const name = named ?? query.get(kind === 'kafka' ? 'topic' : 'stream') ?? nameOfArn(arn)
  return { kind, urls: urls as URL[], name, arn, selfManaged: false, group }
}

/** `HOST:PORT`, or a URL. */
function urlOf(server: string, kind: SourceAddress['kind']): URL | undefined {
  const text = server.includes('://') ? server : `${kind}://${server}`
  return URL.canParse(text) && new URL(text).hostname !== '' ? new URL(text) : undefined
}
