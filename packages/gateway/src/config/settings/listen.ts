import { type Static, Type } from '../../schema/type.ts'
import { parseNodeAddress } from '../../resources/node-address.ts'

const Tls = Type.Union(
  [
    Type.Boolean(),
    Type.Literal('passthrough'),
    Type.Object(
      {
        cert: Type.String({ minLength: 1, description: 'file with the certificate chain, PEM' }),
        key: Type.String({ minLength: 1, description: 'file with the private key, PEM' }),
      },
      { additionalProperties: false },
    ),
  ],
  {
    description:
      'TLS on this address, with the certificates of `ssls`; and with this one for names that none of them has. ' +
      '`passthrough` (with `protocol: tcp`): TLS of every client goes on to the upstream',
  },
)

/** `8080`, `"127.0.0.1:8080"`, `"[::1]:8080"`, `"unix:/run/sekisho.sock"`, or one of these with more to say about it. */
export const Listen = Type.Union([
  Type.Integer({ minimum: 0, maximum: 65535, description: 'port on every address' }),
  Type.String({ minLength: 1, description: 'HOST:PORT or unix:PATH' }),
  Type.Object(
    {
      address: Type.Union([Type.Integer({ minimum: 0, maximum: 65535 }), Type.String({ minLength: 1 })]),
      protocol: Type.Optional(
        Type.Enum(['http', 'tcp', 'udp'], { default: 'http', description: 'tcp, udp: for `stream_routes`' }),
      ),
      proxy_protocol: Type.Optional(
        Type.Enum(['required', 'optional'], {
          description:
            'connections begin with a PROXY protocol header, which says who the client is; `optional` believes anybody',
        }),
      ),
      tls: Type.Optional(Tls),
      http2: Type.Optional(Type.Boolean({ default: true, description: 'HTTP/2 beside HTTP/1.1' })),
    },
    { additionalProperties: false },
  ),
])
export type Listen = Static<typeof Listen>

/** An address to bind. */
export interface ListenAddress {
  /** Undefined: every address. */
  readonly host: string | undefined
  /** 0: the system picks one. */
  readonly port: number
  /** Of a Unix socket; `port` is 0 then. */
  readonly path: string | undefined
}

/** TLS on a listener. */
export interface TlsListener {
  /** Files with the certificate for names that no ssl resource has; undefined: a handshake for such a name is refused. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined
}

/** A listener of the gateway. */
export interface Listener extends ListenAddress {
  readonly protocol: 'http' | 'tcp' | 'udp'
  /** Whether connections begin with a PROXY protocol header. */
  readonly proxyProtocol: 'required' | 'optional' | undefined
  /** TLS never ends here, though the name in it is read. */
  readonly passthrough: boolean
  /** Clients may speak HTTP/2: by ALPN on TLS, by prior knowledge without. */
  readonly http2: boolean
  readonly tls: TlsListener | undefined
}

/** Reads an address to bind; returns what is wrong as text. */
export function parseListenAddress(address: number | string): ListenAddress | string {
  if (typeof address === 'number') return { host: undefined, port: address, path: undefined }
  if (address.startsWith('unix:')) {
    const path = address.slice('unix:'.length)
    return path === '' ? 'the path of the socket is missing' : { host: undefined, port: 0, path }
  }
  const port = /^:?([0-9]{1,5})$/.exec(address)?.[1]
  if (port !== undefined) {
    return Number(port) <= 65535 ? { host: undefined, port: Number(port), path: undefined } : `invalid port "${port}"`
  }
  // Port 0 is right for a listener and for nothing else, so the parser of node addresses does not know it.
  const anyPort = address.endsWith(':0')
  const parsed = parseNodeAddress(anyPort ? address.slice(0, -2) : address)
  if (typeof parsed === 'string') return parsed
  if (anyPort) return { host: parsed.host, port: 0, path: undefined }
  return parsed.port === undefined ? 'the port is missing' : { host: parsed.host, port: parsed.port, path: undefined }
}
