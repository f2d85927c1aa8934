import {
  ActiveChecks,
  HealthBoard,
  OutlierDetector,
  resolvedProbe,
  type Ejection,
  type HealthBoardData,
  type HealthCounters,
  type HealthStatus,
  type NodeHealth,
  type ProbeAddress,
  type Probe,
  type ProbeGate,
  type ProbeResult,
  type Resolver,
} from '@sekisho/proxy/health'
import type { PluginLogger } from '../plugins/context.ts'
import type { NormalNode, NormalUpstream } from '../resources/normalise-upstream.ts'
import type { HealthMetrics } from './health-metrics.ts'
import type { HealthReport } from './health-messages.ts'
import { activeThresholds, outlierSettings, type Thresholds } from './health-settings.ts'
import { nodeKey } from './node-key.ts'
import { probeOf } from './probe-of.ts'

export interface UpstreamHealthOptions {
  /** Where the upstream is written: `upstreams/1`, `routes/1`. */
  readonly place: string
  readonly metrics: HealthMetrics
  readonly logger: PluginLogger
  /** Of all upstreams together. */
  readonly gate: ProbeGate
  readonly resolver: Resolver
  /** Workers should look at the board again. */
  readonly onChange: () => void
  readonly random?: () => number
}

/** One node, for people and the next process. */
export interface NodeReport {
  readonly node: NormalNode
  readonly status: HealthStatus
  readonly counters: HealthCounters
  readonly ejected: boolean
  /** Whether it gets requests. */
  readonly usable: boolean
  /** Milliseconds since 1970 of the last change between in use and out; undefined: none was seen. */
  readonly changedAt: number | undefined
  /** What the last change was made of. */
  readonly evidence: string | undefined
}

/** What the next process is told of a node. */
export interface KeptNode {
  readonly status: HealthStatus
  readonly counters: HealthCounters
  readonly changedAt: number | undefined
  readonly evidence: string | undefined
  readonly ejections: readonly [times: number, leftMs: number] | undefined
}

interface Watched {
  readonly node: NormalNode
  health: NodeHealth
  changedAt: number | undefined
  evidence: string | undefined
}

/** The nodes of one upstream, as the control thread checks them. */
export class UpstreamHealth {
  upstream: NormalUpstream
  private readonly options: UpstreamHealthOptions
  private readonly board: HealthBoard
  private readonly watched = new Map<string, Watched>()
  private readonly probes = new Map<string, Probe>()
  private thresholds: Thresholds | undefined
  private checks: ActiveChecks | undefined
  private detector: OutlierDetector | undefined
  private sweep: NodeJS.Timeout | undefined
  private settings = ''
  /** So few nodes are healthy that all are used. */
  private panic = false

  constructor(upstream: NormalUpstream, options: UpstreamHealthOptions) {
    this.upstream = upstream
    this.options = options
    this.board = HealthBoard.of([])
  }

  get data(): HealthBoardData {
    return this.board.data
  }

  /** Nodes or settings are others, or both: those nodes that stay keep what is known of them. */
  set(upstream: NormalUpstream): void {
    const isFirst = this.settings === ''
    this.upstream = upstream
    const nodes = new Map(upstream.nodes.filter(({ weight }) => weight > 0).map((node) => [nodeKey(node), node]))
    const added = this.board.update([...nodes.keys()])
    for (const key of this.watched.keys()) {
      if (nodes.has(key)) continue
      this.watched.delete(key)
      this.options.metrics.forget(key)
    }
    for (const [key, node] of nodes) {
      const { changedAt, evidence } = this.watched.get(key) ?? {}
      this.watched.set(key, { node, health: this.board.node(key) as NodeHealth, changedAt, evidence })
    }
    if (!isFirst && upstream.slow_start !== undefined) for (const key of added) this.board.start(key, Date.now())
    this.configure(upstream)
    this.setProbes(nodes)
    for (const [key, { health }] of this.watched) this.options.metrics.state(key, health.usable, health.ejected)
  }

  /** What a worker saw. */
  receive({ node: key, event, evidence }: HealthReport): void {
    const watched = this.watched.get(key)
    if (watched === undefined) return
    if (event.change === 'outlier') {
      const ejection = this.detector?.full(key, event.reason, performance.now())
      if (ejection !== undefined) this.ejected(ejection, evidence)
      return
    }
    const { counters } = watched.health
    if (event.change === 'up') this.turned(key, watched, true, evidence)
    else this.turned(key, watched, false, `${counters[event.kind]} × ${event.kind} of requests, the last: ${evidence}`)
    this.checks?.stateChanged(key)
  }

  report(): NodeReport[] {
    return [...this.watched.values()].map(({ node, health, changedAt, evidence }) => ({
      node,
      status: health.status,
      counters: health.counters,
      ejected: health.ejected,
      usable: health.usable,
      changedAt,
      evidence,
    }))
  }

  /** For the next process: nodes of which there is more to say than that they are healthy. */
  keep(): Record<string, KeptNode> {
    const ejections = new Map(
      this.detector?.state(performance.now()).map(([key, times, leftMs]) => [key, [times, leftMs] as const]),
    )
    const kept: Record<string, KeptNode> = {}
    for (const [key, { health, changedAt, evidence }] of this.watched) {
      if (health.status === 'healthy' && !ejections.has(key)) continue
      const { status, counters } = health
      kept[key] = { status, counters, changedAt, evidence, ejections: ejections.get(key) }
    }
    return kept
  }

  /** What the process before this one knew. */
  inherit(kept: Readonly<Record<string, KeptNode>>): void {
    for (const [key, { status, counters, changedAt, evidence, ejections }] of Object.entries(kept)) {
      const watched = this.watched.get(key)
      if (watched === undefined) continue
      if (this.upstream.checks !== undefined) watched.health.restore(status, counters)
      Object.assign(watched, { changedAt, evidence })
      if (ejections !== undefined) this.detector?.restore([[key, ...ejections]], performance.now())
      this.options.metrics.state(key, watched.health.usable, watched.health.ejected)
      this.checks?.stateChanged(key)
    }
  }

  stop(): void {
    this.checks?.stop()
    clearInterval(this.sweep)
    for (const key of this.watched.keys()) this.options.metrics.forget(key)
  }

  /** The timers go on where the settings are those of before. */
  private configure(upstream: NormalUpstream): void {
    const settings = JSON.stringify([upstream.checks, upstream.outlier_detection])
    const same = settings === this.settings
    this.settings = settings
    if (!same) {
      this.thresholds = activeThresholds(upstream)
      this.checks?.stop()
      this.checks = this.activeChecks(upstream)
      // Without checks nothing would bring an unhealthy node back.
      if (upstream.checks === undefined) for (const { health } of this.watched.values()) health.forget()
      this.startOutlierDetection(upstream)
    }
    this.detector?.setNodes(new Map([...this.watched].map(([key, { health }]) => [key, health])))
  }

  private activeChecks({ checks }: NormalUpstream): ActiveChecks | undefined {
    if (checks === undefined) return undefined
    const { active } = checks
    const { gate, random } = this.options
    return new ActiveChecks({
      probe: (address, timeoutMs) => (this.probes.get(nodeKeyOf(address)) as Probe)(address, timeoutMs),
      timeoutMs: (active.timeout ?? 1) * 1_000,
      healthyIntervalMs: (active.healthy?.interval ?? 1) * 1_000,
      unhealthyIntervalMs: (active.unhealthy?.interval ?? 1) * 1_000,
      concurrency: active.concurrency ?? 10,
      gate,
      isDown: (key) => this.watched.get(key)?.health.down === true,
      onResult: (key, result) => this.probed(key, result),
      ...(random === undefined ? {} : { random }),
    })
  }

  private setProbes(nodes: ReadonlyMap<string, NormalNode>): void {
    const probe = probeOf(this.upstream)
    this.probes.clear()
    if (probe === undefined || this.checks === undefined) return
    const port = this.upstream.checks?.active.port
    const addresses = new Map<string, ProbeAddress>()
    for (const [key, node] of nodes) {
      const address = { host: node.host, port: port ?? node.port }
      addresses.set(key, address)
      this.probes.set(nodeKeyOf(address), resolvedProbe(probe(node), this.options.resolver))
    }
    this.checks.setNodes(addresses)
  }

  private startOutlierDetection(upstream: NormalUpstream): void {
    const settings = outlierSettings(upstream)
    const before = this.detector?.state(performance.now()) ?? []
    clearInterval(this.sweep)
    this.detector = undefined
    for (const { health } of this.watched.values()) health.returned()
    if (settings === undefined) return
    this.detector = new OutlierDetector(settings)
    this.detector.setNodes(new Map([...this.watched].map(([key, { health }]) => [key, health])))
    this.detector.restore(before, performance.now())
    this.sweep = setInterval(() => this.look(), settings.intervalMs)
    this.sweep.unref()
  }

  private look(): void {
    const { ejected, returned } = this.detector?.sweep(performance.now()) ?? { ejected: [], returned: [] }
    for (const key of returned) {
      const watched = this.watched.get(key)
      if (watched === undefined) continue
      if (watched.health.usable) this.board.start(key, Date.now())
      this.settle(key, watched, 'the time of its ejection is over')
      this.options.logger.info(
        { upstream: this.options.place, node: key },
        `${key} of ${this.options.place} is no longer ejected`,
      )
    }
    for (const ejection of ejected) this.ejected(ejection, undefined)
    if (returned.length > 0) this.changed()
  }

  private ejected({ address: key, reason, evidence, durationMs }: Ejection, last: string | undefined): void {
    const { place, metrics, logger } = this.options
    const watched = this.watched.get(key)
    if (watched === undefined) return
    metrics.ejected(key, reason)
    const all = last === undefined ? evidence : `${evidence}, the last: ${last}`
    this.settle(key, watched, `${reason}: ${all}`)
    logger.warn(
      { upstream: place, node: key, reason, evidence: all, seconds: durationMs / 1_000 },
      `${key} of ${place} is ejected for ${durationMs / 1_000} s: ${reason}, ${all}`,
    )
    this.changed()
  }

  private probed(key: string, result: ProbeResult): void {
    const { thresholds } = this
    const watched = this.watched.get(key)
    if (watched === undefined || thresholds === undefined) return
    const { outcome, evidence } = result
    this.options.metrics.checked(key, outcome)
    if (outcome === 'ignored') return
    const { health } = watched
    if (outcome === 'success') {
      if (health.success(thresholds.successes))
        this.turned(key, watched, true, `${thresholds.successes} × success of checks, the last: ${evidence}`)
    } else if (health.failure(outcome, thresholds.failures[outcome])) {
      this.turned(key, watched, false, `${health.counters[outcome]} × ${outcome}, the last of a check: ${evidence}`)
    }
  }

  /** Healthy or not: the one thing that workers must be told at once, and people. */
  private turned(key: string, watched: Watched, up: boolean, evidence: string): void {
    const { place, metrics, logger } = this.options
    const before = watched.changedAt
    const seconds = before === undefined ? undefined : Math.round((Date.now() - before) / 100) / 10
    metrics.changed(key, up ? 'healthy' : 'unhealthy')
    if (up && watched.health.usable) this.board.start(key, Date.now())
    this.settle(key, watched, evidence)
    const fields = { upstream: place, node: key, status: watched.health.status, evidence, seconds_before: seconds }
    const after = seconds === undefined ? '' : ` after ${seconds} s`
    if (up) logger.info(fields, `${key} of ${place} is healthy again${after}: ${evidence}`)
    else logger.warn(fields, `${key} of ${place} is unhealthy${after}: ${evidence}`)
    this.changed()
  }

  /** Workers should look, and people may have to. */
  private changed(): void {
    this.lookForPanic()
    this.options.onChange()
  }

  /** As balancers do: they use all nodes when too few are healthy. */
  private lookForPanic(): void {
    const { place, logger } = this.options
    const all = this.watched.size
    const healthy = [...this.watched.values()].filter(({ health }) => health.usable).length
    const panic = all > 0 && (healthy === 0 || healthy * 100 < this.upstream.healthy_panic_threshold * all)
    if (panic === this.panic) return
    this.panic = panic
    const fields = { upstream: place, healthy, nodes: all }
    if (panic) logger.warn(fields, `${healthy} of ${all} nodes of ${place} are healthy: all are used`)
    else logger.info(fields, `${healthy} of ${all} nodes of ${place} are healthy again: only these are used`)
  }

  private settle(key: string, watched: Watched, evidence: string): void {
    watched.changedAt = Date.now()
    watched.evidence = evidence
    this.options.metrics.state(key, watched.health.usable, watched.health.ejected)
  }
}

const nodeKeyOf = ({ host, port }: ProbeAddress): string => `${host} ${port}`
