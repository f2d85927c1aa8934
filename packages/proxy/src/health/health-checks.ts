import type { Backend, LoadBalancer } from '../balancing/index.ts'
import { Resolver } from '../peers/resolver.ts'
import { ActiveChecks } from './active-checks.ts'
import { NodeHealth, type FailureKind, type HealthStatus } from './node-health.ts'
import type { Probe, ProbeResult } from './probe.ts'
import { resolvedProbe } from './resolved-probe.ts'
import { tcpProbe } from './tcp-probe.ts'

export interface HealthCheckOptions {
  /** How a node is asked: `tcpProbe` (the default), `httpProbe({ path })`, `grpcProbe({ service })`, or one of your own. */
  readonly probe?: Probe
  /** Default 1 s. */
  readonly timeoutMs?: number
  /** Between two probes of a node. Default 1 s. */
  readonly intervalMs?: number
  /** The same while it is out. Default: `intervalMs`. */
  readonly unhealthyIntervalMs?: number
  /** Probes at a time. Default 10. */
  readonly concurrency?: number
  /** Successes in a row that bring a node back. Default 2. */
  readonly successes?: number
  /** Failures of a kind in a row that take it out. Defaults: tcp 2, http 5, timeout 3. */
  readonly failures?: Partial<Readonly<Record<FailureKind, number>>>
  /** The port that is asked; default: that of the node, or 80 without one. */
  readonly port?: number
  /** How names become addresses. Default: the system's resolver. */
  readonly resolver?: Resolver
  /** Told of each change between in use and out. */
  readonly onChange?: (backend: Backend, status: HealthStatus, result: ProbeResult) => void
}

const FAILURES: Readonly<Record<FailureKind, number>> = { tcp_failure: 2, http_failure: 5, timeout_failure: 3 }

/**
 * Asks the nodes of a balancer from time to time, and takes those out that do not answer as they should.
 *
 * ```ts
 * const upstreams = LoadBalancer.roundRobin(['10.0.0.1:80', '10.0.0.2:80'])
 * const checks = new HealthChecks(upstreams, { probe: httpProbe({ path: '/health' }) })
 * ```
 *
 * In a server of several workers each has its balancer and so its checks; one that checks for all of them keeps the states in a HealthBoard.
 */
export class HealthChecks {
  private readonly balancer: LoadBalancer
  private readonly options: HealthCheckOptions
  private readonly states = new WeakMap<Backend, NodeHealth>()
  private byAddress = new Map<string, Backend>()
  private readonly checks: ActiveChecks

  constructor(balancer: LoadBalancer, options: HealthCheckOptions = {}) {
    this.balancer = balancer
    this.options = options
    const { intervalMs = 1_000, unhealthyIntervalMs = intervalMs, timeoutMs = 1_000, concurrency = 10 } = options
    this.checks = new ActiveChecks({
      probe: resolvedProbe(options.probe ?? tcpProbe, options.resolver ?? new Resolver()),
      timeoutMs,
      healthyIntervalMs: intervalMs,
      unhealthyIntervalMs,
      concurrency,
      isDown: (address) => this.byAddress.get(address)?.healthy === false,
      onResult: (address, result) => this.receive(address, result),
    })
    this.update()
  }

  /** After `update` of the balancer. Nodes that stay keep what is known of them. */
  update(): void {
    const { backends } = this.balancer
    const { port } = this.options
    this.byAddress = new Map(backends.map((backend) => [backend.address, backend]))
    const targetOf = ({ host, port: own }: Backend): { host: string; port: number } => ({
      host,
      port: host.startsWith('/') ? 0 : (port ?? (own || 80)),
    })
    this.checks.setNodes(new Map(backends.map((backend) => [backend.address, targetOf(backend)])))
  }

  statusOf(backend: Backend): HealthStatus {
    return this.stateOf(backend).status
  }

  stop(): void {
    this.checks.stop()
  }

  private receive(address: string, result: ProbeResult): void {
    const backend = this.byAddress.get(address)
    if (backend === undefined || result.outcome === 'ignored') return
    const { successes = 2, failures, onChange } = this.options
    const state = this.stateOf(backend)
    const { outcome } = result
    const changed =
      outcome === 'success'
        ? state.success(successes)
        : state.failure(outcome, failures?.[outcome] ?? FAILURES[outcome])
    if (!changed) return
    backend.healthy = state.usable
    onChange?.(backend, state.status, result)
  }

  private stateOf(backend: Backend): NodeHealth {
    let state = this.states.get(backend)
    if (state === undefined) this.states.set(backend, (state = new NodeHealth()))
    return state
  }
}
