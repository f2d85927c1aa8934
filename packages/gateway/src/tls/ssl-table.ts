import { serverTlsContext, type ServerTls, type ServerTlsContext } from '@sekisho/wire'
import type { PluginLogger } from '../plugins/context.ts'
import { pemText } from '../resources/pem.ts'
import type { Ssl } from '../resources/ssl.ts'
import { keyExchangeGroups } from './key-exchange.ts'
import { ServerSsl } from './server-ssl.ts'
import { isServer, SniTable } from './sni.ts'

/** A certificate and its key, PEM. */
export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

export interface TlsListenerOptions {
  /** In logs. */
  readonly name: string
  readonly http2: boolean
  /** What is spoken within TLS is not known: no ALPN. */
  readonly stream?: boolean
  /** For names that no ssl resource has. */
  readonly fallback: CertificatePair | undefined
}

/**
 * The certificates of one worker. A change takes effect with the next handshake: connections keep the context that they were made with.
 */
export class SslTable {
  /** Resources that ask clients for a certificate: nothing is to be verified while this is 0. */
  verifying = 0
  private readonly resources = new Map<string, Ssl>()
  private readonly servers = new Map<string, ServerSsl>()
  private readonly names = new SniTable<ServerSsl>()
  private readonly logger: PluginLogger
  private ticketKeys: Buffer | undefined = undefined
  /** Counts changes of the ticket keys. */
  private keyEpoch = 0

  constructor(logger: PluginLogger) {
    this.logger = logger
  }

  set(id: string, ssl: Ssl | undefined): void {
    if (ssl === undefined) this.resources.delete(id)
    else this.resources.set(id, ssl)
    this.replace(id, ssl !== undefined && isServer(ssl) ? new ServerSsl(id, ssl, this.ticketKeys) : undefined)
  }

  /** New keys for session tickets, 48 bytes: tickets under the ones before are not accepted any more, and the handshake is a full one. */
  useTicketKeys(keys: Uint8Array): void {
    this.ticketKeys = Buffer.from(keys)
    this.keyEpoch++
    for (const id of [...this.servers.keys()]) this.set(id, this.resources.get(id))
  }

  /** By host name or SNI, in lower case. */
  find(name: string): ServerSsl | undefined {
    return this.names.find(name.endsWith('.') ? name.slice(0, -1) : name)
  }

  byId(id: string): ServerSsl | undefined {
    return this.servers.get(id)
  }

  /** The certificate that an upstream is shown. */
  clientCertificate(id: string): CertificatePair | undefined {
    const ssl = this.resources.get(id)
    return ssl?.type === 'client' ? { cert: pemText(ssl.cert), key: pemText(ssl.key) } : undefined
  }

  /** What a TLS listener chooses certificates by. */
  listener({ name, http2, stream = false, fallback }: TlsListenerOptions): ServerTls {
    let made: ServerTlsContext | undefined
    let madeAt = -1
    const fallbackContext = (): ServerTlsContext | undefined => {
      if (fallback === undefined) return undefined
      if (made === undefined || madeAt !== this.keyEpoch) {
        madeAt = this.keyEpoch
        made = serverTlsContext({
          id: `listener ${name}`,
          certs: [fallback],
          groups: keyExchangeGroups(),
          alpn: stream ? [] : http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
          ticketKeys: this.ticketKeys,
        })
      }
      return made
    }
    return {
      contextFor: ({ serverName }) => {
        const ssl = this.find(serverName)
        if (ssl === undefined) return fallbackContext()
        try {
          return stream ? ssl.contextWithoutAlpn() : ssl.context(http2)
        } catch (err) {
          this.logger.error({ err, ssl: ssl.id }, `the certificate of ssl ${ssl.id} cannot be used`)
          return undefined
        }
      },
    }
  }

  private replace(id: string, next: ServerSsl | undefined): void {
    const before = this.servers.get(id)
    if (before !== undefined) {
      this.servers.delete(id)
      // Another resource may have got the name in the meantime: then it keeps it.
      for (const name of before.names) this.names.remove(name, before)
      if (before.client !== undefined) this.verifying--
    }
    if (next === undefined) return
    this.servers.set(id, next)
    for (const name of next.names) this.names.set(name, next)
    if (next.client !== undefined) this.verifying++
  }
}
