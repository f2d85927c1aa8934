import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import type { ServerTlsContext, TlsInfo } from './server-tls.ts'

/** What Node has and does not document: OpenSSL's verdict on the peer's chain. `tls.Server` takes it from there as well. */
interface Verifying {
  readonly _handle?: { verifyError?(): { readonly code?: string; readonly message: string } | null | undefined } | null
}

/** What a handshake that is done came to. Read at once, as a closed socket has forgotten it; the certificate when it is asked for. */
export class HandshakeInfo implements TlsInfo {
  readonly context: ServerTlsContext
  readonly serverName: string
  readonly protocol: string
  readonly cipher: string
  readonly alpn: string
  readonly resumed: boolean
  readonly authorized: boolean
  readonly authorizationError: string | undefined
  private readonly socket: TLSSocket
  private certificate: DetailedPeerCertificate | undefined

  constructor(socket: TLSSocket, context: ServerTlsContext, serverName: string) {
    this.socket = socket
    this.context = context
    this.serverName = serverName
    this.protocol = socket.getProtocol() ?? ''
    this.cipher = socket.getCipher().name
    this.alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : ''
    this.resumed = socket.isSessionReused()
    // Of a client without a certificate that resumes a session of TLS 1.3, Node says that all is well: the certificate must be there too.
    const sent = context.requestClientCertificate && this.peerCertificate() !== undefined
    this.authorizationError = sent ? verdict(socket) : undefined
    this.authorized = sent && this.authorizationError === undefined
  }

  peerCertificate(): DetailedPeerCertificate | undefined {
    if (this.certificate !== undefined || !this.context.requestClientCertificate) return this.certificate
    // Node answers an empty object, or null once the socket is closed, for "none".
    const certificate = this.socket.getPeerCertificate(true) as DetailedPeerCertificate | null
    return (this.certificate = certificate?.raw === undefined ? undefined : certificate)
  }
}

/** undefined = accepted. A Node that does not tell accepts nobody. */
function verdict(socket: TLSSocket): string | undefined {
  const handle = (socket as unknown as Verifying)._handle
  if (typeof handle?.verifyError !== 'function') return 'UNSPECIFIED'
  const error = handle.verifyError()
  if (error === null || error === undefined) return undefined
  return error.code ?? error.message
}
