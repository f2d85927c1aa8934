import type { Resolver } from '../peers/resolver.ts'
import { timed, type Probe } from './probe.ts'

/**
 * The same probe, of nodes that may be called by name. Node's own look-ups cannot be called off, and four of them at a time hold up all
 * files of a process: behind a dead name server, probes of every second would pile up. The resolver asks once for each name, whoever waits.
 */
export function resolvedProbe(probe: Probe, resolver: Resolver): Probe {
  return async (address, timeoutMs) => {
    const known = address.port === 0 ? address.host : resolver.resolve(address.host)
    const name = address.name ?? address.host
    if (typeof known === 'string') return probe({ ...address, name, host: known }, timeoutMs)
    const startedAt = performance.now()
    let host: string | undefined
    const failure = await timed(timeoutMs, (settle) => {
      known.then(
        (found) => {
          host = found
          settle('success', found)
        },
        (error: unknown) =>
          settle(
            'tcp_failure',
            `cannot resolve ${address.host}: ${error instanceof Error ? error.message : String(error)}`,
          ),
      )
      return () => undefined
    })
    if (failure.outcome !== 'success' || host === undefined) return failure
    return probe({ ...address, name, host }, Math.max(1, timeoutMs - (performance.now() - startedAt)))
  }
}
