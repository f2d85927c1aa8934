import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CallObserver } from './observe.ts'

/** From a millisecond to the longest delay that a client may ask for. */
const BUCKETS_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

/** Metrics with the names that gRPC servers in Go have, which dashboards know. */
export class CallMetrics {
  readonly registry = new Registry()

  private readonly started = new Counter({
    name: 'grpc_server_started_total',
    help: 'Calls that began.',
    labelNames: ['grpc_type', 'grpc_service', 'grpc_method'],
    registers: [this.registry],
  })

  private readonly handled = new Counter({
    name: 'grpc_server_handled_total',
    help: 'Calls that ended, by status.',
    labelNames: ['grpc_type', 'grpc_service', 'grpc_method', 'grpc_code'],
    registers: [this.registry],
  })

  private readonly seconds = new Histogram({
    name: 'grpc_server_handling_seconds',
    help: 'From the first bytes of a call to its status.',
    labelNames: ['grpc_type', 'grpc_service', 'grpc_method'],
    buckets: BUCKETS_SECONDS,
    registers: [this.registry],
  })

  private readonly inFlight = new Gauge({
    name: 'grpc_server_in_flight',
    help: 'Calls that began and have not ended.',
    labelNames: ['grpc_type', 'grpc_service', 'grpc_method'],
    registers: [this.registry],
  })

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  readonly observe: CallObserver = ({ type, service, method }) => {
    const labels = { grpc_type: type, grpc_service: service, grpc_method: method }
    this.started.inc(labels)
    this.inFlight.inc(labels)
    return {
      ended: ({ code, seconds }) => {
        this.inFlight.dec(labels)
        this.handled.inc({ ...labels, grpc_code: code })
        this.seconds.observe(labels, seconds)
      },
    }
  }
}
