import { defined, type Fields } from '../output/draft.ts'
import { readPercent } from '../reader/fraction.ts'
import type { Message } from '../reader/message.ts'
import { readHeaderMatcher } from '../routes/header-matcher.ts'

/** Reads an HTTPFault; undefined when it does nothing, or cannot be said here, which is told. */
export function readFault(fault: Message): Fields | undefined {
  const headers = fault.messages('headers').map(readHeaderMatcher)
  if (headers.some((conditions) => conditions === undefined)) return undefined
  const vars = headers.length === 0 ? undefined : [headers.flatMap((conditions) => conditions ?? [])]
  const delay = readDelay(fault.message('delay'))
  const abort = readAbort(fault.message('abort'))
  if (delay === undefined && abort === undefined) return undefined
  return defined({ delay: delay && defined({ ...delay, vars }), abort: abort && defined({ ...abort, vars }) })
}

function readDelay(delay: Message | undefined): Fields | undefined {
  const duration = delay?.duration('fixed_delay')
  delay?.lose('header_delay', 'the client does not choose the delay')
  const percentage = wholePercent(delay)
  return duration === undefined || percentage === undefined ? undefined : { duration, ...percentage }
}

function readAbort(abort: Message | undefined): Fields | undefined {
  const status = abort?.number('http_status')
  abort?.lose('header_abort', 'the client does not choose the status')
  abort?.lose('grpc_status', 'write http_status')
  const percentage = wholePercent(abort)
  return status === undefined || percentage === undefined ? undefined : { http_status: status, ...percentage }
}

/** No percentage is 0 in Envoy: the fault hits nobody. */
function wholePercent(owner: Message | undefined): Fields | undefined {
  if (owner === undefined) return undefined
  const percent = readPercent(owner.message('percentage'))
  if (percent === 0) {
    owner.warn(undefined, 'has no percentage, so that it hits no request in Envoy. It is left out')
    return undefined
  }
  if (!Number.isInteger(percent)) {
    owner.lose('percentage', 'is a whole number here')
    return undefined
  }
  return percent === 100 ? {} : { percentage: percent }
}
