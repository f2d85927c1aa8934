import type { FoundNode } from '../source.ts'
import type { DnsAnswer, DnsClient } from './dns-client.ts'
import type { DnsRecord, QueryType } from './message.ts'
import { candidates, type ResolvConf } from './resolv-conf.ts'

export interface FoundByDns {
  readonly nodes: readonly FoundNode[]
  /** Seconds. */
  readonly ttl: number
  /** What the nodes are from; undefined: there are none. */
  readonly type: QueryType | undefined
}

/** Names in one SRV set whose addresses are asked for. */
const MAX_TARGETS = 1_000

/**
 * Looks one name up: the first type of `order` that has records, in the first search domain that knows the name. A type that cannot be asked ends
 * it, so that a lost packet does not turn SRV records into A records on another port.
 *
 * @param port of A and AAAA records, and of SRV records that say 0
 * @throws Error with words
 */
export async function lookUp(
  client: DnsClient,
  name: string,
  port: number | undefined,
  order: readonly QueryType[],
  conf: Pick<ResolvConf, 'search' | 'ndots'>,
): Promise<FoundByDns> {
  let ttl = Number.POSITIVE_INFINITY
  for (const candidate of candidates(name, conf)) {
    for (const type of order) {
      const answer = await client.lookup(candidate, type)
      if (answer.records.length === 0) {
        ttl = Math.min(ttl, answer.ttl)
        continue
      }
      if (type === 'SRV') return { ...(await srvNodes(client, answer as DnsAnswer<'SRV'>, port)), type }
      const { records } = answer as DnsAnswer<'A' | 'AAAA'>
      return { nodes: records.map(({ address }) => ({ host: address, port })), ttl: answer.ttl, type }
    }
  }
  return { nodes: [], ttl, type: undefined }
}

async function srvNodes(
  client: DnsClient,
  { records, additional, ttl }: DnsAnswer<'SRV'>,
  port: number | undefined,
): Promise<{ nodes: FoundNode[]; ttl: number }> {
  const addresses = new Map<string, { readonly hosts: readonly string[]; readonly ttl: number }>()
  // A target of "." says that there is no such service (RFC 2782).
  const targets = [...new Set(records.map(({ target }) => target))]
    .filter((target) => target !== '')
    .slice(0, MAX_TARGETS)
  await Promise.all(targets.map(async (target) => addresses.set(target, await addressesOf(client, target, additional))))
  const nodes = records.flatMap((record) =>
    (addresses.get(record.target)?.hosts ?? []).map((host) => ({
      host,
      port: record.port === 0 ? port : record.port,
      // "Very small chance" (RFC 2782), and not none.
      weight: Math.max(1, record.weight),
      // The lowest goes first there, the highest here. Not -0.
      priority: 0 - record.priority,
    })),
  )
  return { nodes, ttl: Math.min(ttl, ...[...addresses.values()].map((one) => one.ttl)) }
}

async function addressesOf(
  client: DnsClient,
  name: string,
  additional: readonly DnsRecord[],
): Promise<{ hosts: string[]; ttl: number }> {
  const isAddress = (one: DnsRecord): one is Extract<DnsRecord, { type: 'A' | 'AAAA' }> =>
    one.type === 'A' || one.type === 'AAAA'
  const added = additional.filter(isAddress).filter((one) => one.name === name)
  const here = added.some(({ type }) => type === 'A') ? added.filter(({ type }) => type === 'A') : added
  if (here.length > 0)
    return { hosts: here.map(({ address }) => address), ttl: Math.min(...here.map(({ ttl }) => ttl)) }
  const v4 = await client.lookup(name, 'A')
  const answer = v4.records.length > 0 ? v4 : await client.lookup(name, 'AAAA')
  return { hosts: answer.records.map(({ address }) => address), ttl: answer.ttl }
}
