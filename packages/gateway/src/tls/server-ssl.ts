import { serverTlsContext, type ServerTlsContext } from '@sekisho/wire'
import { compileRegularExpression } from '../expressions/regular-expression.ts'
import { pemText } from '../resources/pem.ts'
import type { Ssl } from '../resources/ssl.ts'
import { keyExchangeGroups } from './key-exchange.ts'
import { namesOf } from './sni.ts'
import { versionRange } from './versions.ts'

/** What is asked of clients' certificates. */
export interface ClientPolicy {
  /** Authorities, PEM. */
  readonly ca: string
  /** Intermediates between a certificate and an authority, at most. */
  readonly depth: number
  /** Paths that need no certificate. */
  readonly exempt: readonly RegExp[]
}

/** The authorities that a context's clients were checked against; '' = they were asked for nothing. */
const trustOf = new WeakMap<ServerTlsContext, string>()

/** One ssl resource as connections meet it. */
export class ServerSsl {
  readonly id: string
  readonly names: readonly string[]
  readonly client: ClientPolicy | undefined
  private readonly ssl: Ssl
  private readonly ticketKeys: Buffer | undefined
  private withHttp2: ServerTlsContext | undefined = undefined
  private withoutHttp2: ServerTlsContext | undefined = undefined
  private withoutAlpn: ServerTlsContext | undefined = undefined

  constructor(id: string, ssl: Ssl, ticketKeys: Buffer | undefined) {
    this.id = id
    this.ssl = ssl
    this.names = namesOf(ssl)
    this.ticketKeys = ticketKeys
    this.client = ssl.client === undefined ? undefined : clientPolicy(ssl.client)
  }

  /** Made by the first handshake that needs it. */
  context(http2: boolean): ServerTlsContext {
    if (http2) return (this.withHttp2 ??= this.make(['h2', 'http/1.1']))
    return (this.withoutHttp2 ??= this.make(['http/1.1']))
  }

  /** For stream listeners, where nobody knows what is spoken: nothing is agreed on. */
  contextWithoutAlpn(): ServerTlsContext {
    return (this.withoutAlpn ??= this.make([]))
  }

  /** Clients of a connection with this context were checked as this resource asks for now. */
  vouches(context: ServerTlsContext): boolean {
    return context.id === this.id && trustOf.get(context) === (this.client?.ca ?? '')
  }

  private make(alpn: readonly string[]): ServerTlsContext {
    const { cert, key, certs = [], keys = [], ciphers } = this.ssl
    const context = serverTlsContext({
      id: this.id,
      certs: [cert, ...certs].map((text, at) => ({ cert: pemText(text), key: pemText([key, ...keys][at]) })),
      clientCa: this.client?.ca,
      ...versionRange(this.ssl),
      ciphers,
      groups: keyExchangeGroups(),
      alpn,
      ticketKeys: this.ticketKeys,
      // A ticket holds the client's certificate and not its chain, so that its depth could not be told.
      resumption: this.client === undefined,
    })
    trustOf.set(context, this.client?.ca ?? '')
    return context
  }
}

function clientPolicy({ ca, depth = 1, skip_mtls_uri_regex: exempt = [] }: NonNullable<Ssl['client']>): ClientPolicy {
  return { ca: pemText(ca), depth, exempt: exempt.map((pattern) => compileRegularExpression(pattern, false, '')) }
}
