import { CidrSet, parseCidr } from '../addresses/index.ts'

/** Which sessions a route takes. What is left out does not matter. */
export interface StreamPattern {
  readonly transport: 'tcp' | 'udp' | undefined
  readonly serverPort: number | undefined
  readonly serverAddr: string | undefined
  readonly remoteAddrs: readonly string[]
  /** Lower case; `*.example.com` is every name below. */
  readonly snis: readonly string[]
}

/** What a session is matched by. */
export interface StreamEndpoint {
  readonly transport: 'tcp' | 'udp'
  /** '' = none. */
  readonly serverName: string
  readonly client: {
    readonly remoteAddress: string
    readonly localAddress: string
    readonly localPort: number
  }
}

/** A pattern with one name and one network of clients: what has several of them is several. */
interface Entry<Value> {
  readonly id: string
  readonly value: Value
  readonly transport: 'tcp' | 'udp' | undefined
  readonly serverPort: number | undefined
  readonly servers: CidrSet | undefined
  readonly remotes: CidrSet | undefined
  /** `example.com`, or `.example.com` for names that end so. */
  readonly name: string | undefined
  /** How narrow it is, by the most important first. */
  readonly rank: readonly number[]
}

/**
 * Finds the route of a session. The narrowest wins, and what is compared first counts most: the server name (one in full, then the
 * wildcard with more in it), the port, our address, the client's (the longer prefix). Routes that are alike in all of these go by their
 * ids. So the order in which they were written, and in which they came, decides nothing.
 */
export class StreamMatcher<Value> {
  private readonly entries = new Map<string, readonly Entry<Value>[]>()
  /** By port, sorted; made when a session asks for it. Ports are those of listeners, so there are few. */
  private readonly byPort = new Map<number, readonly Entry<Value>[]>()

  set(id: string, pattern: StreamPattern, value: Value): void {
    this.entries.set(id, entriesOf(id, pattern, value))
    this.byPort.clear()
  }

  remove(id: string): void {
    this.entries.delete(id)
    this.byPort.clear()
  }

  match(session: StreamEndpoint): Value | undefined {
    for (const entry of this.at(session.client.localPort)) if (takes(entry, session)) return entry.value
    return undefined
  }

  private at(port: number): readonly Entry<Value>[] {
    let sorted = this.byPort.get(port)
    if (sorted === undefined) {
      sorted = [...this.entries.values()]
        .flat()
        .filter(({ serverPort }) => serverPort === undefined || serverPort === port)
        .sort(narrowerFirst)
      this.byPort.set(port, sorted)
    }
    return sorted
  }
}

function takes<Value>({ transport, servers, remotes, name }: Entry<Value>, session: StreamEndpoint): boolean {
  if (transport !== undefined && transport !== session.transport) return false
  if (name !== undefined && !isNamed(session.serverName, name)) return false
  if (servers !== undefined && !servers.has(session.client.localAddress)) return false
  return remotes === undefined || remotes.has(session.client.remoteAddress)
}

const isNamed = (serverName: string, name: string): boolean =>
  name.startsWith('.') ? serverName.length > name.length && serverName.endsWith(name) : serverName === name

function entriesOf<Value>(id: string, pattern: StreamPattern, value: Value): Entry<Value>[] {
  const { transport, serverPort, serverAddr, remoteAddrs, snis } = pattern
  const servers = serverAddr === undefined ? undefined : new CidrSet([serverAddr])
  const names = snis.length === 0 ? [undefined] : snis.map((sni) => (sni.startsWith('*') ? sni.slice(1) : sni))
  const networks = remoteAddrs.length === 0 ? [undefined] : remoteAddrs
  return names.flatMap((name) =>
    networks.map((network) => ({
      id,
      value,
      transport,
      serverPort,
      servers,
      remotes: network === undefined ? undefined : new CidrSet([network]),
      name,
      rank: [
        name === undefined ? 0 : name.startsWith('.') ? name.length : 1_000,
        serverPort === undefined ? 0 : 1,
        width(serverAddr),
        width(network),
        transport === undefined ? 0 : 1,
      ],
    })),
  )
}

/** Bits of a network's prefix as one of IPv6 has them, plus one; 0 = any address. */
function width(network: string | undefined): number {
  if (network === undefined) return 0
  const { family, prefixLength } = parseCidr(network)
  return 1 + prefixLength + (family === 4 ? 96 : 0)
}

function narrowerFirst<Value>(a: Entry<Value>, b: Entry<Value>): number {
  for (const [at, rank] of a.rank.entries()) if (rank !== b.rank[at]) return b.rank[at] - rank
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
