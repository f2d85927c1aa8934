/** `Root=1-…;Parent=…;Sampled=1`, as far as log lines need it. */
export interface TraceSegment {
  readonly traceId: string
  readonly segmentId: string
}

/** @returns undefined when the call is not traced: no header, or not sampled */
export function sampledSegment(header: string | undefined): TraceSegment | undefined {
  if (header === undefined || !header.includes('Sampled=1')) return undefined
  const traceId = member(header, 'Root=')
  if (traceId === undefined) return undefined
  return { traceId, segmentId: member(header, 'Parent=') ?? '0000000000000000' }
}

function member(header: string, key: string): string | undefined {
  const start = header.indexOf(key)
  if (start < 0) return undefined
  const end = header.indexOf(';', start)
  return header.slice(start + key.length, end < 0 ? undefined : end)
}
