import type { Configuration, CustomFetch, DPoPHandle, ServerMetadata } from 'openid-client'
import { ServiceFailure, type ServiceClient, type ServiceAnswer } from '../../side-calls/index.ts'
import { RemoteKeys } from '../jwt/remote-keys.ts'
import { clientAuth } from './client-auth.ts'
import { dpopKeys } from './dpop-keys.ts'
import { readMetadata } from './metadata.ts'
import type { AuthMethod, OidcConfig } from './schema.ts'

/** How long a discovery document is used before it is read anew, in the background. */
const TTL_MS = 3_600_000
/** A document that cannot be read anew is used for so long beyond its time. */
const MAX_STALE_MS = 86_400_000
/** Between two attempts to read one that cannot be read. */
const RETRY_MS = 1_000

export type Library = typeof import('openid-client')

/** What is known of the provider at the moment. */
export interface Discovered {
  readonly metadata: ServerMetadata
  readonly library: Library
  /** For the token endpoint and those around it. */
  readonly client: Configuration
  /** For pushed authorization requests. */
  readonly pushing: Configuration
  readonly dpop: DPoPHandle | undefined
  readonly keys: RemoteKeys | undefined
}

/**
 * The identity provider: its discovery document (OpenID Connect Discovery 1.0), read when a request first needs it, its keys, and the library that
 * talks to it, whose requests take the gateway's own connections. One reading at a time, whoever waits.
 */
export class Provider {
  readonly service: ServiceClient
  private readonly config: OidcConfig
  private readonly now: () => number
  private known: Discovered | undefined
  private text = ''
  private readAt = -Infinity
  private triedAt = -Infinity
  private reading: Promise<void> | undefined

  constructor(config: OidcConfig, service: ServiceClient, now: () => number = () => performance.now()) {
    this.config = config
    this.service = service
    this.now = now
  }

  /**
   * What is known of the provider.
   * @throws ServiceFailure (as a rejection) when that is nothing, or too old
   */
  async discovered(): Promise<Discovered> {
    const age = this.now() - this.readAt
    if (age > TTL_MS) this.refresh()
    if (this.known === undefined || age > TTL_MS + MAX_STALE_MS) {
      await this.reading
      if (this.known === undefined || this.now() - this.readAt > TTL_MS + MAX_STALE_MS) {
        throw new ServiceFailure('refused', 'the discovery document cannot be read')
      }
    }
    return this.known
  }

  /** What is known already. */
  get current(): Discovered | undefined {
    return this.known
  }

  private refresh(): void {
    if (this.reading !== undefined || this.now() - this.triedAt < RETRY_MS) return
    this.triedAt = this.now()
    this.reading = this.read().finally(() => (this.reading = undefined))
  }

  /** Never rejects: the client counted and logged what went wrong. */
  private async read(): Promise<void> {
    const { discovery: url } = this.config
    try {
      const { status, text } = await this.service.call(url, { headers: { Accept: 'application/json' } })
      if (status !== 200) throw this.service.refused(url, `the discovery document was answered with status ${status}`)
      if (text !== this.text || this.known === undefined) {
        const metadata = readMetadata(text, url.startsWith('https:'))
        if (typeof metadata === 'string') throw this.service.refused(url, metadata)
        this.known = await this.prepare({ ...metadata, ...this.overrides() })
        this.text = text
      }
      this.readAt = this.now()
    } catch (error) {
      if (!(error instanceof ServiceFailure)) this.service.refused(url, (error as Error).message)
    }
  }

  private overrides(): Partial<ServerMetadata> {
    const { introspection_endpoint: introspection, par } = this.config
    return {
      ...(introspection === undefined ? {} : { introspection_endpoint: introspection }),
      ...(par?.endpoint === undefined ? {} : { pushed_authorization_request_endpoint: par.endpoint }),
    }
  }

  private async prepare(metadata: ServerMetadata): Promise<Discovered> {
    const library = await loadLibrary()
    const { token_endpoint_auth_method: method, par, jwk_expires_in: keySeconds } = this.config
    const client = this.configuration(library, metadata, method)
    const pushing = this.configuration(library, metadata, par?.endpoint_auth_method ?? method)
    const keys = await dpopKeys(this.config.dpop)
    const dpop = keys === undefined ? undefined : library.getDPoPHandle(client, keys)
    const { jwks_uri: jwks } = metadata
    return {
      metadata,
      library,
      client,
      pushing,
      dpop,
      keys: jwks === undefined ? undefined : new RemoteKeys(jwks, this.service, keySeconds * 1_000),
    }
  }

  private configuration(library: Library, metadata: ServerMetadata, method: AuthMethod): Configuration {
    const { client_id: id, token_signing_alg_values_expected: alg, iat_slack: slack } = this.config
    const made = new library.Configuration(
      metadata,
      id,
      { [library.clockTolerance]: slack, ...(alg === undefined ? {} : { id_token_signed_response_alg: alg }) },
      clientAuth(method, this.config),
    )
    made[library.customFetch] = this.fetch
    made.timeout = this.config.timeout
    // The signature of an ID token is checked even where it came straight from the provider.
    library.enableNonRepudiationChecks(made)
    // Whoever writes http:// in `discovery` has been told; https:// leads to no plain endpoint.
    if (this.config.discovery.startsWith('http:')) library.allowInsecureRequests(made)
    return made
  }

  private readonly fetch: CustomFetch = async (url, { method, headers, body }) => {
    const text = body instanceof URLSearchParams ? body.toString() : body
    if (text !== undefined && text !== null && typeof text !== 'string') throw new TypeError('a body that is no text')
    const answer = await this.service.call(url, { method, headers: plainFields(headers), body: text ?? undefined })
    return responseOf(answer)
  }
}

const plainFields = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(new Headers(headers).entries())

function responseOf({ status, headers, body }: ServiceAnswer): Response {
  const bodiless = status === 204 || status === 205 || status === 304
  const fields = [...headers].map(([name, value]): [string, string] => [name, value])
  return new Response(bodiless ? null : Uint8Array.from(body), { status, headers: fields })
}

/** The library speaks the protocol; it is loaded by those who use it alone. */
async function loadLibrary(): Promise<Library> {
  try {
    return await import('openid-client')
  } catch (error) {
    throw new Error('a library is not installed: npm install openid-client', { cause: error })
  }
}
