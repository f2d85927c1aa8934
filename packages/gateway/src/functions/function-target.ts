import type { UpstreamDefaults } from '../config/settings/limits.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { FunctionCallSettings } from '../resources/function-call.ts'
import type { NormalUpstream } from '../resources/normalise-upstream.ts'
import type { Timeout } from '../resources/timeout.ts'
import { UpstreamTarget } from '../upstreams/upstream-target.ts'
import { EventMaker } from './event-maker.ts'
import { FunctionCall } from './function-call.ts'
import { FailureLog } from './invoke-failure.ts'
import type { InvokeTarget } from './invoke-target.ts'

/** Seconds that an answer may take, as AWS has it for each kind of API; a stream may be silent for five minutes. */
const READ_SECONDS = { 'rest-1.0': 29, 'http-2.0': 30, alb: 60, 'function-url': 900 } as const
const STREAM_SECONDS = 300

const MB = 1_048_576
/** Of a request: what an API takes; 6 MB is what an event may have, whatever it is made of. */
const BODY_BYTES = { 'rest-1.0': 10 * MB, 'http-2.0': 10 * MB, alb: MB, 'function-url': 6 * MB } as const
const EVENT_BYTES = 6 * MB
/** Of one that is queued. */
const QUEUED_EVENT_BYTES = MB

/** A function that requests may go to: what the configuration settles for all of them. */
export class FunctionTarget {
  readonly invoke: InvokeTarget
  readonly events: EventMaker
  readonly upstream: UpstreamTarget
  readonly maxBodyBytes: number
  readonly maxEventBytes: number
  readonly queued: boolean
  /** Seconds for an answer, where nobody wrote a limit. */
  readonly readSeconds: number
  readonly log: FailureLog

  /** @param upstream settings of its connections; nodes are those of the service */
  constructor(
    invoke: InvokeTarget,
    settings: FunctionCallSettings,
    upstream: NormalUpstream,
    timeout: Timeout | undefined,
    defaults: UpstreamDefaults,
    logger: PluginLogger,
  ) {
    const { host, port, secure } = invoke.address
    this.invoke = invoke
    this.events = new EventMaker(settings, invoke.accountId, invoke.region, invoke.name)
    const { format } = this.events
    this.queued = settings.invocation_type === 'Event'
    this.maxBodyBytes = BODY_BYTES[format]
    this.maxEventBytes = this.queued ? QUEUED_EVENT_BYTES : EVENT_BYTES
    this.log = new FailureLog(logger)
    const nodes = [{ host, port, weight: 1, priority: 0 }]
    const service: NormalUpstream = { ...upstream, scheme: secure ? 'https' : 'http', nodes, retries: 0 }
    this.readSeconds = invoke.streams ? STREAM_SECONDS : READ_SECONDS[format]
    this.upstream = new UpstreamTarget(service, timeout, { ...defaults, read_timeout: this.readSeconds })
  }

  /** For one request. */
  call(): FunctionCall {
    return new FunctionCall(this)
  }
}
