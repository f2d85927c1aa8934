/** Who caused a request, as its sender says. */
export interface ParentContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string
  /** 16 of them; '' when the sender decided on sampling and names no span. */
  readonly spanId: string
  /** Whether the sender records its span. */
  readonly sampled: boolean
}

const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/
const VERSION_0_LENGTH = 55
const NO_TRACE = '0'.repeat(32)
const NO_SPAN = '0'.repeat(16)

/** The field `traceparent` (W3C Trace Context section 3.2); undefined for one that says nothing usable. Several fields are joined, so they are none. */
export function parseTraceParent(field: string): ParentContext | undefined {
  // A later version may be longer; nobody needs so much.
  if (field.length > 512) return undefined
  const match = TRACE_PARENT.exec(field)
  if (match === null) return undefined
  const [, version, traceId, spanId, flags] = match
  if (version === 'ff' || traceId === NO_TRACE || spanId === NO_SPAN) return undefined
  if (version === '00' && field.length !== VERSION_0_LENGTH) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags[1], 16) & 1) === 1 }
}

export const traceParent = (traceId: string, spanId: string, sampled: boolean): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
