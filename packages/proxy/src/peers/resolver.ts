import { promises as dns } from 'node:dns'
import { isIP } from 'node:net'
import { monotonicClock, type Clock } from '@sekisho/wire'

/** Addresses of a name and how long they may be used. */
export interface Resolution {
  /** IP addresses, at least one. */
  readonly addresses: readonly string[]
  /** Milliseconds. */
  readonly ttlMs: number
}

/** Asks for the addresses of a name. Rejects when there are none. */
export type Lookup = (name: string) => Promise<Resolution>

/** A TTL of 0 would ask once per request; one of a day would outlive the machine. */
const MIN_TTL_MS = 1_000
const MAX_TTL_MS = 300_000
/** The system's resolver (hosts file, mDNS, …) gives no TTL. */
const SYSTEM_TTL_MS = 10_000
/** After a failure the last good answer, or the failure, is used for so long before the name is asked for again. */
const FAILURE_TTL_MS = 1_000
const MAX_NAMES = 10_000

interface Entry {
  addresses: readonly string[]
  expires: number
  next: number
  refreshing: Promise<string> | undefined
  failure: Error | undefined
}

/**
 * Names to addresses without blocking anything: answers are kept for their TTL; then the old answer serves on while one look-up for
 * all refreshes it. When the name server is away the last good answer is kept. Several addresses take turns.
 */
export class Resolver {
  private readonly entries = new Map<string, Entry>()
  private readonly lookup: Lookup
  private readonly clock: Clock

  constructor(lookup: Lookup = systemLookup, clock: Clock = monotonicClock) {
    this.lookup = lookup
    this.clock = clock
  }

  /** An address at once when one is known, else a promise of it. */
  resolve(name: string): string | Promise<string> {
    if (isIP(name) !== 0) return name
    const entry = this.entries.get(name) ?? this.add(name)
    const fresh = this.clock.now() < entry.expires
    if (entry.addresses.length > 0) {
      if (!fresh && entry.refreshing === undefined) void this.refresh(name, entry).catch(() => undefined)
      return entry.addresses[entry.next++ % entry.addresses.length]
    }
    if (fresh && entry.failure !== undefined) return Promise.reject(entry.failure)
    return entry.refreshing ?? this.refresh(name, entry)
  }

  private add(name: string): Entry {
    if (this.entries.size >= MAX_NAMES) this.entries.delete(this.entries.keys().next().value as string)
    const entry: Entry = { addresses: [], expires: 0, next: 0, refreshing: undefined, failure: undefined }
    this.entries.set(name, entry)
    return entry
  }

  private refresh(name: string, entry: Entry): Promise<string> {
    entry.refreshing = this.lookup(name).then(
      ({ addresses, ttlMs }) => {
        entry.refreshing = undefined
        if (addresses.length === 0) throw this.failed(entry, new Error(`${name} has no address`))
        entry.addresses = addresses
        entry.failure = undefined
        entry.expires = this.clock.now() + Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, ttlMs))
        return addresses[entry.next++ % addresses.length]
      },
      (error: unknown) => {
        entry.refreshing = undefined
        throw this.failed(entry, error instanceof Error ? error : new Error(String(error)))
      },
    )
    return entry.refreshing
  }

  private failed(entry: Entry, failure: Error): Error {
    entry.failure = failure
    entry.expires = this.clock.now() + FAILURE_TTL_MS
    return failure
  }
}

/** Name servers first, for the TTL; then what else the system knows names from (the hosts file is not in DNS). */
export const systemLookup: Lookup = async (name) => {
  if (name.includes('.') && !name.endsWith('.localhost')) {
    const v4 = await dns.resolve4(name, { ttl: true }).catch(() => [])
    const records = v4.length > 0 ? v4 : await dns.resolve6(name, { ttl: true }).catch(() => [])
    if (records.length > 0) {
      const ttlMs = Math.min(...records.map((record) => record.ttl)) * 1_000
      return { addresses: records.map((record) => record.address), ttlMs }
    }
  }
  const found = await dns.lookup(name, { all: true, order: 'ipv4first' } as { all: true })
  return { addresses: found.map((one) => one.address), ttlMs: SYSTEM_TTL_MS }
}
