import { DEFAULT_H1_LIMITS, latin1TextOf, parseRequestHead, refusal, Refusal, type RequestHead } from '@sekisho/wire'
import type { NodeSettings } from '../config/settings/node-settings.ts'
import { OfflineSession } from './offline-session.ts'

/** A request as a person describes it. */
export interface DescribedRequest {
  readonly method: string
  /** `http://host:port/path?query`, `https://…`, `host/path`, or `/path` for the gateway itself. */
  readonly url: string
  /** Name and value of each field; one named Host wins over the URL's, as in curl. */
  readonly headers?: readonly (readonly [string, string])[]
  /** The client's address. Left out: 127.0.0.1. */
  readonly remoteAddr?: string
}

/** What the gateway's parser makes of it, and the connection it would come on; or why it would be refused. */
export type OfflineRequest =
  | { readonly session: OfflineSession; readonly refusal?: undefined }
  | { readonly refusal: Refusal; readonly session?: undefined }

/** Writes the request out and reads it with the parser of the data path, so that what is refused there is refused here. */
export function offlineRequest(described: DescribedRequest, settings: NodeSettings): OfflineRequest {
  const { method, headers = [], remoteAddr = '127.0.0.1' } = described
  const { authority, target, secure } = splitUrl(described.url)
  const host = headers.some(([name]) => name.toLowerCase() === 'host') ? [] : [`Host: ${authority}\r\n`]
  const fields = headers.map(([name, value]) => `${name}: ${value}\r\n`)
  const text = [`${method} ${target} HTTP/1.1\r\n`, ...host, ...fields, '\r\n'].join('')
  const parsed = parse(latin1TextOf(Buffer.from(text, 'utf8')), settings)
  if (parsed instanceof Refusal) return { refusal: parsed }
  const localPort = portOf(authority, settings, secure)
  return { session: new OfflineSession(parsed, { remoteAddress: remoteAddr, localPort, secure }) }
}

function parse(text: string, { limits }: NodeSettings): RequestHead | Refusal {
  if (text.length > limits.max_head_bytes) return refusal('HEAD_TOO_LARGE')
  return parseRequestHead(text, 0, text.length, {
    ...DEFAULT_H1_LIMITS,
    maxHeadBytes: limits.max_head_bytes,
    maxHeaderCount: limits.max_header_count,
    maxTargetLength: limits.max_target_length,
    maxBodyBytes: limits.max_body_bytes,
  })
}

/** Not `URL`: that resolves `..` and drops what the gateway is to see. */
function splitUrl(url: string): { authority: string; target: string; secure: boolean } {
  const written = encodeInvisible(url)
  if (written.startsWith('/') || written === '*') return { authority: 'localhost', target: written, secure: false }
  const match = /^(?:(https?):\/\/)?([^/?#]*)([^#]*)/i.exec(written)
  const [, scheme = 'http', authority = '', rest = ''] = match ?? []
  return { authority, target: rest.startsWith('/') ? rest : `/${rest}`, secure: scheme.toLowerCase() === 'https' }
}

/** Spaces and letters beyond ASCII, as every client encodes them. */
const encodeInvisible = (url: string): string => url.replaceAll(/[^!-~]+/g, (part) => encodeURIComponent(part))

function portOf(authority: string, settings: NodeSettings, secure: boolean): number {
  const written = /:(\d+)$/.exec(authority)?.[1]
  if (written !== undefined) return Number(written)
  return (
    settings.listen.find(
      ({ protocol, tls, port }) => protocol === 'http' && (tls !== undefined) === secure && port !== 0,
    )?.port ?? (secure ? 443 : 80)
  )
}
