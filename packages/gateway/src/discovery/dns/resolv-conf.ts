import { isIP } from 'node:net'
import type { DnsServer } from './exchange.ts'

/** What `resolv.conf(5)` says; other options than these are of no meaning here. */
export interface ResolvConf {
  readonly servers: readonly DnsServer[]
  /** Domains that names with fewer dots than `ndots` are tried in first, others last. */
  readonly search: readonly string[]
  readonly ndots: number
  readonly timeoutMs: number
  readonly attempts: number
}

/** As in the C library. */
const MAX_SERVERS = 3
const MAX_NDOTS = 15
const MAX_TIMEOUT_S = 30
const MAX_ATTEMPTS = 5
const MAX_SEARCH = 32

export function parseResolvConf(text: string): ResolvConf {
  const servers: DnsServer[] = []
  let search: readonly string[] = []
  const options = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver' && isIP(values[0] ?? '') !== 0 && servers.length < MAX_SERVERS)
      servers.push({ host: values[0], port: 53 })
    // The last of them counts.
    else if (keyword === 'search' || keyword === 'domain')
      search = values.slice(0, MAX_SEARCH).map((name) => name.replace(/\.$/, ''))
    else if (keyword === 'options') {
      for (const option of values) {
        const [name, value] = option.split(':')
        if (/^\d{1,4}$/.test(value ?? '')) options.set(name, Number(value))
      }
    }
  }
  const option = (name: string, otherwise: number, most: number): number =>
    Math.min(most, options.get(name) ?? otherwise)
  return {
    servers: servers.length === 0 ? [{ host: '127.0.0.1', port: 53 }] : servers,
    search,
    ndots: option('ndots', 1, MAX_NDOTS),
    timeoutMs: Math.max(1, option('timeout', 5, MAX_TIMEOUT_S)) * 1_000,
    attempts: Math.max(1, option('attempts', 2, MAX_ATTEMPTS)),
  }
}

/** The names to try for one, in order, each as it is in the DNS. */
export function candidates(name: string, { search, ndots }: Pick<ResolvConf, 'search' | 'ndots'>): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const within = search.map((domain) => (domain === '' ? name : `${name}.${domain}`))
  const dots = name.split('.').length - 1
  return [...new Set(dots >= ndots ? [name, ...within] : [...within, name])]
}
