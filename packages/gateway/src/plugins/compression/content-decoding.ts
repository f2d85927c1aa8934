import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'

type Decoder = (bytes: Uint8Array, maxBytes: number) => Buffer

/** What servers call deflate is zlib's format by RFC 9110 section 8.4.1.2, and a bare deflate stream by custom. */
const inflate: Decoder = (bytes, maxBytes) => {
  const isZlib = (bytes[0] & 0x0f) === 8 && ((bytes[0] << 8) + bytes[1]) % 31 === 0
  return isZlib
    ? inflateSync(bytes, { maxOutputLength: maxBytes })
    : inflateRawSync(bytes, { maxOutputLength: maxBytes })
}
const gunzip: Decoder = (bytes, maxBytes) => gunzipSync(bytes, { maxOutputLength: maxBytes })

const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', inflate],
  ['br', (bytes, maxBytes) => brotliDecompressSync(bytes, { maxOutputLength: maxBytes })],
])

/** Encodings of one body, one upon another. Nobody needs two; each may take the time that the largest body takes. */
const MAX_ENCODINGS = 2

/** Takes the encodings off a whole body. Throws when it is damaged or becomes larger than `maxBytes`. */
export type ContentDecoder = Decoder

/**
 * The decoder for a Content-Encoding field; null when the body is not encoded, undefined when it is in a way that we
 * cannot decode.
 */
export function contentDecoder(field: string | undefined): ContentDecoder | null | undefined {
  if (field === undefined) return null
  const names = field
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
  if (names.length === 0) return null
  if (names.length > MAX_ENCODINGS) return undefined
  const decoders: Decoder[] = []
  // The last one in the list was put on last.
  for (const name of names.reverse()) {
    const decoder = DECODERS.get(name)
    if (decoder === undefined) return undefined
    decoders.push(decoder)
  }
  return (bytes, maxBytes) => decoders.reduce<Uint8Array>((body, decode) => decode(body, maxBytes), bytes) as Buffer
}
