import { StoreError } from '../../backend/store-error.ts'
import { MAX_ENDPOINTS } from './options.ts'

export interface Endpoint {
  /** `host:port`, an IPv6 address in brackets: as gRPC takes it. */
  readonly address: string
  readonly tls: boolean
}

const DEFAULT_PORT = 2379

/** Throws a StoreError that names the endpoint that is none. */
export function parseEndpoints(endpoints: readonly string[], tlsByDefault: boolean): Endpoint[] {
  if (endpoints.length === 0) throw new StoreError('etcd needs one endpoint at least, like http://127.0.0.1:2379')
  if (endpoints.length > MAX_ENDPOINTS) throw new StoreError(`etcd has at most ${MAX_ENDPOINTS} endpoints`)
  return endpoints.map((text) => parseEndpoint(text, tlsByDefault))
}

function parseEndpoint(text: string, tlsByDefault: boolean): Endpoint {
  const withScheme = text.includes('://') ? text : `${tlsByDefault ? 'https' : 'http'}://${text}`
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined
  const valid =
    url !== undefined &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.hostname !== '' &&
    url.username === '' &&
    url.pathname === '/' &&
    url.search === ''
  if (!valid) {
    const hint = url?.username
      ? 'user and password are settings of their own'
      : 'write http://host:2379 or https://host:2379'
    // What stands before an @ may be a password.
    throw new StoreError(`${JSON.stringify(text.replace(/[^/]*@/, '…@'))} is no endpoint of etcd: ${hint}`)
  }
  // URL leaves out a port that is the scheme's own.
  const standard = url.protocol === 'https:' ? 443 : 80
  const named = new RegExp(`:${standard}/?$`).test(text)
  const port = url.port !== '' ? url.port : named ? standard : DEFAULT_PORT
  return { address: `${url.hostname}:${port}`, tls: url.protocol === 'https:' }
}
