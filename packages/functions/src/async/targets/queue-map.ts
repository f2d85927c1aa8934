/**
 * What stands behind the ARNs of queues, topics and streams. A key is an ARN, or its beginning with `*` at its end; a value is a URL:
 *
 * | URL | messages |
 * | --- | --- |
 * | `redis://HOST:6379/0?stream=NAME` | go to a Redis stream, or come from it |
 * | `nats://HOST:4222?stream=NAME&subject=NAME` | come from a JetStream stream |
 * | `kafka://HOST:9092,HOST:9092?topic=NAME` | come from a Kafka topic |
 * | `http://…`, `https://…` | are posted |
 * | `file:///PATH` | are appended to a file, one a line |
 *
 * `{name}` stands for the last part of the ARN: `redis://127.0.0.1:6379?stream={name}`. Without `stream`, `subject` and `topic` it is that part, too.
 */
export type QueueMap = Readonly<Record<string, string>>

/** `arn:aws:sqs:us-east-1:000000000000:orders` → `orders` */
export const nameOfArn = (arn: string): string => arn.slice(Math.max(arn.lastIndexOf(':'), arn.lastIndexOf('/')) + 1)

/** The URL behind an ARN: the key that fits exactly, else the longest that it begins with. */
export function queueUrl(map: QueueMap, arn: string): string | undefined {
  let key: string | undefined = Object.hasOwn(map, arn) ? arn : undefined
  if (key === undefined)
    for (const candidate of Object.keys(map)) {
      if (!candidate.endsWith('*') || !arn.startsWith(candidate.slice(0, -1))) continue
      if (key === undefined || candidate.length > key.length) key = candidate
    }
  return key === undefined ? undefined : map[key]!.replaceAll('{name}', encodeURIComponent(nameOfArn(arn)))
}

const SCHEMES = ['redis:', 'rediss:', 'nats:', 'tls:', 'kafka:', 'http:', 'https:', 'file:']

/** What is wrong with a map: which entry, and what would be right. */
export function queueMapProblem(map: QueueMap): string | undefined {
  for (const [arn, url] of Object.entries(map)) {
    const scheme = /^([a-z]+:)\/\//.exec(url)?.[1]
    if (scheme === undefined || !SCHEMES.includes(scheme))
      return `${arn}: ${JSON.stringify(url)} is no URL of a queue: it begins with ${SCHEMES.map((one) => `${one}//`).join(', ')}`
  }
  return undefined
}

export const unmappedArn = (arn: string): string =>
  `nothing is known to stand behind ${arn}: name it in the setting queues, as in "${arn}": "redis://127.0.0.1:6379?stream=${nameOfArn(arn)}"`

const TAKE_MESSAGES = ['redis:', 'rediss:', 'http:', 'https:', 'file:']

/** Why messages cannot be sent to what an ARN names; undefined: they can, as far as the map goes. */
export function targetProblem(map: QueueMap, arn: string): string | undefined {
  const url = queueUrl(map, arn)
  if (url === undefined) return unmappedArn(arn)
  const scheme = url.slice(0, url.indexOf(':') + 1)
  if (TAKE_MESSAGES.includes(scheme)) return undefined
  return `messages cannot be sent to ${scheme}// (${arn}): use redis://, https:// or file://`
}
