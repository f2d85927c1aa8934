import type { ServerMetadata } from 'openid-client'
import type { GatewaySession } from '../../session.ts'
import { clientAuth, type ClientAuth } from './client-auth.ts'
import type { Provider } from './provider.ts'
import type { OidcConfig } from './schema.ts'
import { type Claims, nowInSeconds } from './session.ts'

/** A revoked token is noticed within this time, where nothing else is configured. */
const USUAL_SECONDS = 60

export interface Introspected {
  readonly claims: Claims
  readonly keepForSeconds: number
}

/** Asks the provider about tokens (RFC 7662). Requests that bring the same token at the same time share an answer. */
export class Introspection {
  private readonly config: OidcConfig
  private readonly provider: Provider
  private readonly authenticate: ClientAuth
  private readonly asking = new Map<string, Promise<Introspected | undefined>>()

  constructor(config: OidcConfig, provider: Provider) {
    this.config = config
    this.provider = provider
    this.authenticate = clientAuth(config.introspection_endpoint_auth_method, config)
  }

  /**
   * undefined: the token is not active.
   * @throws ServiceFailure (as a rejection) when the provider does not say
   */
  ask(token: string, session: GatewaySession): Promise<Introspected | undefined> {
    const addons = this.addons(session)
    const key = addons === undefined ? token : `${token}\n${JSON.stringify(addons)}`
    let asked = this.asking.get(key)
    if (asked === undefined) {
      asked = this.request(token, addons ?? {}).finally(() => this.asking.delete(key))
      this.asking.set(key, asked)
    }
    return asked
  }

  private addons({ request }: GatewaySession): Record<string, string> | undefined {
    const { introspection_addon_headers: names } = this.config
    if (names === undefined) return undefined
    const fields: Record<string, string> = {}
    for (const name of names) {
      const value = request.headers.get(name)
      if (value !== undefined) fields[name] = value
    }
    return fields
  }

  private async request(token: string, addons: Record<string, string>): Promise<Introspected | undefined> {
    const { service } = this.provider
    const { url, server } = await this.endpoint()
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' })
    const fields = new Headers({ ...addons, accept: 'application/json' })
    fields.set('content-type', 'application/x-www-form-urlencoded')
    // The library's type does not say that some of these take time.
    await (this.authenticate(server, { client_id: this.config.client_id }, body, fields) as unknown)
    const answer = await service.call(url, {
      method: 'POST',
      headers: Object.fromEntries(fields.entries()),
      body: body.toString(),
    })
    if (answer.status !== 200) throw service.refused(url, `introspection was answered with status ${answer.status}`)
    let document: unknown
    try {
      document = answer.json()
    } catch {
      throw service.refused(url, 'introspection was answered with what is no JSON')
    }
    const claims = document as Claims | null
    // Nothing but true will do: an answer without the member is none (RFC 7662 section 2.2).
    if (typeof claims !== 'object' || claims?.['active'] !== true) return undefined
    return { claims, keepForSeconds: this.keepFor(claims) }
  }

  private keepFor(claims: Claims): number {
    const { introspection_interval: interval, introspection_expiry_claim: claim = 'exp' } = this.config
    const limit = interval === 0 ? USUAL_SECONDS : interval
    const exp = claims['exp']
    const expiresIn = typeof exp === 'number' ? exp - nowInSeconds() : Infinity
    if (claim === 'exp') return expiresIn === Infinity ? 0 : Math.min(limit, expiresIn)
    const said = claims[claim]
    return typeof said === 'number' ? Math.min(limit, said, expiresIn) : 0
  }

  private async endpoint(): Promise<{ readonly url: string; readonly server: ServerMetadata }> {
    const { introspection_endpoint: configured, discovery } = this.config
    // An assertion says whom it is for, which is in the discovery document; anything else needs nothing from there.
    if (configured !== undefined && !this.config.introspection_endpoint_auth_method.endsWith('_jwt')) {
      return { url: configured, server: { issuer: configured } }
    }
    const { metadata } = await this.provider.discovered()
    const url = metadata.introspection_endpoint
    if (url === undefined) throw this.provider.service.refused(discovery, 'the provider has no introspection endpoint')
    return { url, server: metadata }
  }
}
