import { METRICS } from './definitions.ts'
import type { Counter, Histogram } from './series.ts'
import type { WorkerMetrics } from './worker-metrics.ts'

/** What the requests of one route pattern have in common. Empty where there is nothing. */
export interface RouteLabels {
  readonly route: string
  readonly service: string
  readonly matchedUri: string
  readonly matchedHost: string
}

/**
 * Combinations of consumer and node that one route keeps at hand. Beyond that it starts again from none (the series are kept where they
 * are counted, this is only the way to them): nodes that come from discovery change for ever.
 */
const MAX_COMBINATIONS = 1_000

/** The metrics of one route pattern. Made when the configuration changes; series are made by the first request that needs them. */
export class RouteMetrics {
  readonly #metrics: WorkerMetrics
  readonly #labels: RouteLabels
  readonly #byConsumer = new Map<string, Map<string, RequestMetrics>>()
  #combinations = 0
  #retired = false
  /** Most routes have one node and one caller at a time: comparing two strings saves two look-ups. */
  #last: RequestMetrics | undefined

  constructor(metrics: WorkerMetrics, labels: RouteLabels) {
    this.#metrics = metrics
    this.#labels = labels
  }

  /**
   * The metrics of requests of a consumer to a node (`host:port`); both are empty where there was none. Two look-ups.
   * Undefined after `retire`, for what was not known before it.
   */
  for(consumer: string, node: string): RequestMetrics | undefined {
    const last = this.#last
    if (last !== undefined && last.consumer === consumer && last.node === node && !last.forgotten) return last
    const found = this.#find(consumer, node)
    this.#last = found
    return found
  }

  #find(consumer: string, node: string): RequestMetrics | undefined {
    const known = this.#byConsumer.get(consumer)?.get(node)
    if (known !== undefined && !known.forgotten) return known
    return this.#retired ? undefined : this.#add(consumer, node)
  }

  /** The configuration that made it is gone. Requests in flight still count, but make no new series of a route that may be removed. */
  retire(): void {
    this.#retired = true
  }

  #add(consumer: string, node: string): RequestMetrics {
    if (++this.#combinations > MAX_COMBINATIONS) {
      this.#byConsumer.clear()
      this.#combinations = 1
    }
    let byNode = this.#byConsumer.get(consumer)
    if (byNode === undefined) this.#byConsumer.set(consumer, (byNode = new Map()))
    const made = new RequestMetrics(this.#metrics, this.#labels, consumer, node)
    byNode.set(node, made)
    return made
  }
}

/** The metrics of one route, service, consumer and node: a request costs a few additions. */
export class RequestMetrics {
  readonly #metrics: WorkerMetrics
  readonly #labels: RouteLabels
  readonly consumer: string
  readonly node: string
  readonly #requestMs: Histogram
  readonly #upstreamMs: Histogram
  readonly #gatewayMs: Histogram
  readonly #ingress: Counter
  readonly #egress: Counter
  // A map behind the last one seen, not an array by code: that would be 4 KB for each of them.
  readonly #byStatus = new Map<number, Counter>()
  #lastStatus = 0
  #byGrpcStatus: Map<number, Counter> | undefined
  #lastGrpc = -1
  #lastGrpcCounter: Counter | undefined
  #lastCounter: Counter | undefined

  constructor(metrics: WorkerMetrics, labels: RouteLabels, consumer: string, node: string) {
    this.#metrics = metrics
    this.#labels = labels
    this.consumer = consumer
    this.node = node
    const common = { route: labels.route, service: labels.service, consumer, node }
    this.#requestMs = metrics.histogram(METRICS.httpLatency, { type: 'request', ...common })
    this.#upstreamMs = metrics.histogram(METRICS.httpLatency, { type: 'upstream', ...common })
    this.#gatewayMs = metrics.histogram(METRICS.httpLatency, { type: 'gateway', ...common })
    this.#ingress = metrics.counter(METRICS.bandwidth, { type: 'ingress', ...common })
    this.#egress = metrics.counter(METRICS.bandwidth, { type: 'egress', ...common })
  }

  /** Whether its series were dropped: what it counts from then on is not seen. */
  get forgotten(): boolean {
    return this.#ingress.forgotten
  }

  /**
   * One request that has ended.
   *
   * @param status of the response; 0 when there was none
   * @param requestMs from the first byte of the request to the last of the response
   * @param upstreamMs of that in the upstream; negative when none was asked
   */
  record(status: number, requestMs: number, upstreamMs: number, ingressBytes: number, egressBytes: number): void {
    if (status === this.#lastStatus && this.#lastCounter !== undefined) this.#lastCounter.add(1)
    else this.#countStatus(status)
    this.#requestMs.observe(requestMs)
    if (upstreamMs >= 0) {
      this.#upstreamMs.observe(upstreamMs)
      this.#gatewayMs.observe(Math.max(0, requestMs - upstreamMs))
    } else {
      this.#gatewayMs.observe(requestMs)
    }
    this.#ingress.add(ingressBytes)
    this.#egress.add(egressBytes)
  }

  /** The status of a gRPC call. */
  recordGrpc(status: number): void {
    if (status === this.#lastGrpc && this.#lastGrpcCounter !== undefined) this.#lastGrpcCounter.add(1)
    else this.#countGrpc(status)
  }

  #countGrpc(status: number): void {
    // Only those that gRPC has: a number that an upstream makes up makes no series.
    const known = status <= 16 ? status : 2
    let counter = this.#byGrpcStatus?.get(known)
    if (counter === undefined) {
      if (this.forgotten) return
      const { route, service } = this.#labels
      const labels = { grpc_status: String(known), route, service, consumer: this.consumer, node: this.node }
      counter = this.#metrics.counter(METRICS.grpcStatus, labels)
      ;(this.#byGrpcStatus ??= new Map()).set(known, counter)
    }
    counter.add(1)
    this.#lastGrpc = known
    this.#lastGrpcCounter = counter
  }

  #countStatus(status: number): void {
    let counter = this.#byStatus.get(status)
    if (counter === undefined) {
      // A request of a removed route that ends late must not bring a series of it back.
      if (this.forgotten) return
      const { route, service, matchedUri, matchedHost } = this.#labels
      counter = this.#metrics.counter(METRICS.httpStatus, {
        code: String(status),
        route,
        matched_uri: matchedUri,
        matched_host: matchedHost,
        service,
        consumer: this.consumer,
        node: this.node,
      })
      this.#byStatus.set(status, counter)
    }
    counter.add(1)
    this.#lastStatus = status
    this.#lastCounter = counter
  }
}
