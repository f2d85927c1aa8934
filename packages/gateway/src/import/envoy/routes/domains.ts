import type { Message } from '../reader/message.ts'
import { HOST_PATTERN } from '../../../resources/host.ts'
import type { Condition } from './text-test.ts'
import { escapeRegex } from './text-test.ts'

/** The domains of a virtual host as ours: Envoy looks for exact ones, `*.foo.com`, `foo.*` and `*`, in this order. */
export interface Domains {
  /** None: every host, after all that are named. */
  readonly hosts: readonly string[]
  readonly isAny: boolean
}

const HOST = new RegExp(HOST_PATTERN)

/** Reads `domains`; undefined when none of them can be said here. */
export function readDomains(virtualHost: Message): Domains | undefined {
  const domains = virtualHost.strings('domains')
  if (domains.includes('*')) return { hosts: [], isAny: true }
  const hosts: string[] = []
  for (const [index, domain] of domains.entries()) {
    // With a port or without: "example.com:*" is not known to Envoy either.
    if (HOST.test(domain)) hosts.push(domain.toLowerCase())
    else {
      virtualHost.reading.report.add(
        'not carried over',
        `${virtualHost.pathOf('domains')}/${index}`,
        'hosts that begin with a name and end in a wildcard are not known',
      )
    }
  }
  return hosts.length === 0 ? undefined : { hosts, isAny: false }
}

/** Whether requests for a host of `inner` could be taken by `outer`, if nothing of `inner` took them. */
export function mayFallTo(inner: Domains, outer: Domains): boolean {
  if (inner.isAny) return false
  if (outer.isAny) return true
  return outer.hosts.some(
    (wide) => wide.startsWith('*') && inner.hosts.some((host) => host !== wide && host.endsWith(wide.slice(1))),
  )
}

/** What is true of requests with one of these server names (TLS). */
export function serverNameCondition(names: readonly string[]): Condition {
  const exact = names.filter((name) => !name.startsWith('*'))
  if (exact.length === names.length) {
    return names.length === 1 ? ['ssl_server_name', '==', names[0]] : ['ssl_server_name', 'in', [...names]]
  }
  const sources = names.map((name) => (name.startsWith('*') ? `.*${escapeRegex(name.slice(1))}` : escapeRegex(name)))
  return ['ssl_server_name', '~~', `^(?:${sources.join('|')})$`]
}
