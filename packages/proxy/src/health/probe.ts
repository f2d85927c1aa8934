import type { FailureKind } from './node-health.ts'

/** Where a probe goes. */
export interface ProbeAddress {
  /** A name or an address, IPv6 without brackets; the path of a unix socket when `port` is 0. */
  readonly host: string
  readonly port: number
  /** What it is called, for Host fields and certificates. Default: `host`. */
  readonly name?: string | undefined
}

/** What a probe came to. `evidence` is for people: a status, an error. `ignored`: an answer that says neither. */
export interface ProbeResult {
  readonly outcome: 'success' | FailureKind | 'ignored'
  readonly evidence: string
}

/** Asks a node once. Resolves always, and after `timeoutMs` at the latest; holds nothing open after that. */
export type Probe = (address: ProbeAddress, timeoutMs: number) => Promise<ProbeResult>

/** Where `connect` of node:net goes. */
export const connectTo = ({ host, port }: ProbeAddress): { path: string } | { host: string; port: number } =>
  port === 0 ? { path: host } : { host, port }

/**
 * Runs what ends by calling `settle` once, or by time.
 * @param start begins it; returns what cuts it off, called in any case when it is over
 */
export function timed(
  timeoutMs: number,
  start: (settle: (outcome: ProbeResult['outcome'], evidence: string) => void) => () => void,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let over = false
    let stop: (() => void) | undefined
    const settle = (outcome: ProbeResult['outcome'], evidence: string): void => {
      if (over) return
      over = true
      clearTimeout(timer)
      stop?.()
      resolve({ outcome, evidence })
    }
    const timer = setTimeout(() => settle('timeout_failure', `no answer within ${timeoutMs} ms`), timeoutMs)
    try {
      stop = start(settle)
      if (over) stop()
    } catch (error) {
      settle('tcp_failure', error instanceof Error ? error.message : String(error))
    }
  })
}
