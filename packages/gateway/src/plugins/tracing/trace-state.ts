import type { Headers } from '@sekisho/wire'

/** Section 3.3.1.5 of W3C Trace Context asks for 512 characters; what is longer is passed on, but not recorded. */
const MAX_RECORDED = 512

/** The field `tracestate`, as far as spans tell it. */
export function traceStateOf(headers: Headers): string | undefined {
  const state = headers.get('tracestate')
  return state === undefined || state === '' || state.length > MAX_RECORDED ? undefined : state
}
