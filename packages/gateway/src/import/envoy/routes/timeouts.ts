import type { Message } from '../reader/message.ts'

/** Envoy's default for a stream on which nothing moves, in seconds. */
const STREAM_IDLE_S = 300

/** For a time limit that is off in Envoy: ours cannot be. */
const A_DAY_S = 86_400

/**
 * Seconds for which an upstream may be silent. Envoy's `timeout` is for the whole response, ours for each pause in it:
 * a response that trickles is not cut off here. Undefined leaves the default.
 */
export function readTimeout(action: Message, idleOfListener: number | undefined): number | undefined {
  const idle = action.duration('idle_timeout') ?? idleOfListener ?? STREAM_IDLE_S
  const pause = idle === 0 ? A_DAY_S : idle
  readStreamDuration(action)
  const timeout = action.duration('timeout')
  if (timeout === undefined) {
    action.warnOnce(
      'timeout',
      undefined,
      'Envoy would cut off any response after 15 s, streams as well. Sekisho limits the time in which nothing comes: 60 s',
    )
    return undefined
  }
  if (timeout === 0) return pause
  action.warnOnce('timeout', 'timeout', 'is for the whole response in Envoy, and for each pause in it in Sekisho')
  return Math.min(timeout, pause)
}

/** `grpc-timeout` is honoured, and nothing else limits a stream. */
function readStreamDuration(action: Message): void {
  const limits = action.message('max_stream_duration')
  for (const [owner, name] of [
    [limits, 'max_stream_duration'],
    [limits, 'grpc_timeout_header_max'],
    [limits, 'grpc_timeout_header_offset'],
    [action, 'max_grpc_timeout'],
    [action, 'grpc_timeout_offset'],
  ] as const) {
    const seconds = owner?.duration(name)
    if (seconds !== undefined && seconds !== 0)
      owner?.lose(name, 'grpc-timeout counts as it is, and streams have no limit')
  }
}
