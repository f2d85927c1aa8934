import type { Headers } from '@sekisho/wire'

/** Who caused a request, by B3 (https://github.com/openzipkin/b3-propagation). */
export interface B3Context {
  /** 16 or 32 hexadecimal digits; '' when only a decision came. */
  readonly traceId: string
  readonly spanId: string
  /** undefined: whoever gets it decides. */
  readonly sampled: boolean | undefined
  /** Recorded in any case; says more than `sampled`. */
  readonly debug: boolean
}

const SINGLE = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/i
const TRACE_ID = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/i
const SPAN_ID = /^[0-9a-f]{16}$/i
const ZEROS = /^0+$/

const NOTHING: B3Context = { traceId: '', spanId: '', sampled: undefined, debug: false }

/** The context in the fields of a request: `b3` before `X-B3-…`. What is malformed counts as not there. */
export function readB3(headers: Headers): B3Context {
  const single = headers.get('b3')
  return single === undefined ? readMulti(headers) : (parseSingle(single.trim()) ?? readMulti(headers))
}

/** The field `b3`: `TRACE-SPAN`, `TRACE-SPAN-SAMPLED`, `TRACE-SPAN-SAMPLED-PARENT`, or the decision alone. */
export function parseSingle(field: string): B3Context | undefined {
  if (field.length === 1) {
    if (!'01d'.includes(field)) return undefined
    return { ...NOTHING, sampled: field !== '0', debug: field === 'd' }
  }
  const match = SINGLE.exec(field)
  if (match === null || ZEROS.test(match[1]) || ZEROS.test(match[2])) return undefined
  const [, traceId, spanId, decision] = match
  const sampled = decision === undefined ? undefined : decision !== '0'
  return { traceId: traceId.toLowerCase(), spanId: spanId.toLowerCase(), sampled, debug: decision === 'd' }
}

function readMulti(headers: Headers): B3Context {
  const said = headers.get('x-b3-sampled')
  const debug = headers.get('x-b3-flags') === '1'
  // Older senders write true and false.
  const sampled = debug || said === '1' || said === 'true' ? true : said === '0' || said === 'false' ? false : undefined
  const traceId = headers.get('x-b3-traceid')
  const spanId = headers.get('x-b3-spanid')
  const isWhole = traceId !== undefined && spanId !== undefined && TRACE_ID.test(traceId) && SPAN_ID.test(spanId)
  if (!isWhole || ZEROS.test(traceId) || ZEROS.test(spanId)) return { ...NOTHING, sampled, debug }
  return { traceId: traceId.toLowerCase(), spanId: spanId.toLowerCase(), sampled, debug }
}

const FIELDS = ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags']

/** What the next one gets: `X-B3-…`, and `b3` too where the client sent that. */
export function writeB3(
  headers: Headers,
  context: { traceId: string; spanId: string; parentId: string; sampled: boolean; debug: boolean },
): void {
  for (const name of FIELDS) headers.delete(name)
  const { traceId, spanId, parentId, sampled, debug } = context
  // Flags says it all: with it there is no Sampled.
  const said = debug ? 'X-B3-Flags: 1' : `X-B3-Sampled: ${sampled ? '1' : '0'}`
  const parent = parentId === '' ? '' : `X-B3-ParentSpanId: ${parentId}\r\n`
  headers.appendLines(`X-B3-TraceId: ${traceId}\r\nX-B3-SpanId: ${spanId}\r\n${parent}${said}\r\n`, FIELDS)
  if (!headers.delete('b3')) return
  const decision = debug ? 'd' : sampled ? '1' : '0'
  headers.appendUnchecked('b3', `${traceId}-${spanId}-${decision}${parentId === '' ? '' : `-${parentId}`}`)
}
