import type { Headers } from '../headers/headers.ts'
import type { HpackEncoder } from './hpack/encoder.ts'

/** Encodes the fields of a head but those in `skip`. What the sender wanted in no table stays out of ours (RFC 7541 section 6.2.3). */
export function encodeHeaders(encoder: HpackEncoder, headers: Headers, skip: ReadonlySet<string>): void {
  const { neverIndexed } = headers
  if (neverIndexed === undefined) {
    encoder.block(headers.block, skip)
    return
  }
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (!skip.has(lower)) encoder.field(lower, value, neverIndexed.has(lower))
  }
}
