import { constants, createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, SecureContext, SecureContextOptions, SecureVersion } from 'node:tls'
import type { ClientHello } from './client-hello.ts'
import { loadTls } from './load-tls.ts'

/** Certificates, trust and versions that a client is met with. Made when the configuration changes, shared by all connections. */
export interface ServerTlsContext {
  /** Name of what it was made from: for logs and metrics. */
  readonly id: string
  readonly secureContext: SecureContext
  /** Protocols in our order of preference, e.g. `['h2', 'http/1.1']`. */
  readonly alpn: readonly string[]
  /** Asks for a certificate. A handshake without one, or with a bad one, succeeds: what follows from it is told by `TlsInfo`. */
  readonly requestClientCertificate: boolean
}

/** Chooses by name and protocols. */
export interface ServerTls {
  /** undefined: the handshake is refused (alert `unrecognized_name`). Called once a connection. */
  contextFor(hello: ClientHello): ServerTlsContext | undefined
}

/** What a handshake with a client came to. */
export interface TlsInfo {
  readonly context: ServerTlsContext
  /** As in the ClientHello: '' = none; lower case, no trailing dot. */
  readonly serverName: string
  /** 'TLSv1.2', 'TLSv1.3'. */
  readonly protocol: string
  /** OpenSSL's name, e.g. 'TLS_AES_128_GCM_SHA256'. */
  readonly cipher: string
  /** '' = none. */
  readonly alpn: string
  /** A session was resumed: no certificate was sent or checked anew, `authorized` says what was found then. */
  readonly resumed: boolean
  /** The client sent a certificate, and its chain ends at a CA of ours. */
  readonly authorized: boolean
  /** Why not: OpenSSL's code, e.g. `CERT_HAS_EXPIRED`; undefined also when no certificate was asked for or sent. */
  readonly authorizationError: string | undefined
  /** The client's certificate with its issuers; undefined when it sent none. */
  peerCertificate(): DetailedPeerCertificate | undefined
}

export interface ServerTlsContextOptions {
  readonly id: string
  /** Chains and keys, PEM: one of each kind (RSA, ECDSA), the client's abilities choose. */
  readonly certs: readonly { readonly cert: string; readonly key: string }[]
  /** CAs that client certificates are checked against, PEM. Given, a certificate is asked for. */
  readonly clientCa?: string | readonly string[] | undefined
  /** Default TLSv1.2. */
  readonly minVersion?: SecureVersion | undefined
  readonly maxVersion?: SecureVersion | undefined
  /** OpenSSL cipher list. */
  readonly ciphers?: string | undefined
  /** Key exchange groups in order of preference, e.g. `X25519MLKEM768:X25519:P-256`. */
  readonly groups?: string | undefined
  /** Default `['http/1.1']`. */
  readonly alpn?: readonly string[] | undefined
  /** 48 bytes, the same in each worker: then a session is resumed on any of them. Left out, on this thread alone. */
  readonly ticketKeys?: Buffer | undefined
  /** false: every connection is a full handshake. Default true. */
  readonly resumption?: boolean | undefined
}

/** Throws what OpenSSL says of a certificate, key or list that it cannot use. */
export function serverTlsContext(options: ServerTlsContextOptions): ServerTlsContext {
  const { id, certs, clientCa, minVersion = 'TLSv1.2', maxVersion, ciphers, groups, ticketKeys } = options
  for (const { cert, key } of certs) {
    // OpenSSL compares those of one kind alone: an RSA certificate beside an ECDSA key would fail in the handshake.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
      throw new Error('the private key does not belong to the certificate')
  }
  const authorities = clientCa === undefined ? [] : [clientCa].flat()
  // Node passes over what is no certificate, and every client would be refused.
  for (const authority of authorities) new X509Certificate(authority)
  const secure: SecureContextOptions = {
    cert: certs.map((one) => one.cert),
    key: certs.map((one) => one.key),
    minVersion,
    honorCipherOrder: true,
    // A client that shows another certificate in the middle of a connection is more than policy can follow. Without tickets what is left
    // is a cache, which Node turns off.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (options.resumption === false ? constants.SSL_OP_NO_TICKET : 0),
    sessionIdContext: sessionContext(options),
    // Left out, Node would load its 140 roots, which no client of ours is checked against.
    ca: authorities,
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(groups === undefined ? {} : { ecdhCurve: groups }),
    ...(ticketKeys === undefined ? {} : { ticketKeys }),
  }
  return {
    id,
    secureContext: loadTls().createSecureContext(secure),
    alpn: options.alpn ?? ['http/1.1'],
    requestClientCertificate: clientCa !== undefined,
  }
}

/**
 * A session carries the verdict on the client's certificate: it must not be resumed where another one would be given. 32 bytes at most
 * (OpenSSL's SSL_MAX_SID_CTX_LENGTH).
 */
function sessionContext({ id, clientCa }: ServerTlsContextOptions): string {
  return createHash('sha256')
    .update(JSON.stringify([id, clientCa ?? '']))
    .digest('base64url')
    .slice(0, 32)
}

/** One certificate for whatever name. */
export function singleCertificate(
  files: { readonly cert: string; readonly key: string },
  alpn: readonly string[] = ['http/1.1'],
): ServerTls {
  const context = serverTlsContext({ id: '', certs: [files], alpn })
  return { contextFor: () => context }
}
