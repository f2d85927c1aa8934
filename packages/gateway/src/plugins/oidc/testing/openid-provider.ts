import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Provider, type Configuration } from 'oidc-provider'

export const CLIENT_SECRET = '0123456789abcdef0123456789abcdef'

export interface ProviderOptions {
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris?: readonly string[]
  /** Further fields of the one client, `gateway`. */
  readonly client?: object
  readonly accessTokenSeconds?: number
  readonly features?: Readonly<Record<string, object>>
}

/** A request that the provider got; its endpoints are paths. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
}

/** A real OpenID provider (oidc-provider) in which everybody who comes is `jack`, at once. */
export class OpenIdProvider {
  readonly url: string
  readonly seen: Seen[] = []
  /** What becomes of a request before the provider sees it; true: it was answered. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean = () => false
  readonly close: () => Promise<void>
  private readonly privateKey: CryptoKey

  private constructor(url: string, privateKey: CryptoKey, close: () => Promise<void>) {
    this.url = url
    this.privateKey = privateKey
    this.close = close
  }

  static async start(options: ProviderOptions): Promise<OpenIdProvider> {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true })
    const jwk = { ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: 'k1' }
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const provider = new Provider(url, configuration(options, jwk))
    const handle = provider.callback()
    const self = new OpenIdProvider(url, privateKey, () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    })
    server.on('request', (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', url)
      self.seen.push({ method: request.method ?? '', path: pathname, query: searchParams })
      if (self.intercept(request, response)) return
      if (pathname.startsWith('/interaction/')) void interact(provider, request, response)
      else void handle(request, response)
    })
    return self
  }

  get discovery(): string {
    return `${this.url}/.well-known/openid-configuration`
  }

  /** How often an endpoint was asked. */
  count(path: string): number {
    return this.seen.filter((one) => one.path === path).length
  }

  /** A token that this provider signed. */
  sign(claims: object, header: object = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1_000)
    return new SignJWT({ iss: this.url, sub: 'robot', exp: now + 600, iat: now, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header })
      .sign(this.privateKey)
  }
}

/** Signs in and agrees, without asking anybody. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: 'jack' } })
    return
  }
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const grant =
    known ?? new provider.Grant({ accountId: session?.accountId ?? '', clientId: String(params['client_id']) })
  grant.addOIDCScope(String(params['scope']))
  const consent = { grantId: await grant.save() }
  await provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true })
}

const configuration = (options: ProviderOptions, jwk: object): Configuration => ({
  clients: [
    {
      client_id: 'gateway',
      client_secret: CLIENT_SECRET,
      redirect_uris: [...options.redirectUris],
      post_logout_redirect_uris: [...(options.postLogoutRedirectUris ?? [])],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      ...options.client,
    },
  ],
  jwks: { keys: [jwk] },
  cookies: { keys: ['only for tests'] },
  enabledJWA: {
    clientAuthSigningAlgValues: ['HS256', 'HS512', 'RS256', 'ES256'],
    dPoPSigningAlgValues: ['ES256', 'RS256', 'PS256'],
  },
  pkce: { required: () => false },
  scopes: ['openid', 'offline_access', 'profile', 'orders'],
  claims: { openid: ['sub'], profile: ['name', 'teams'] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: 'Jäck', teams: ['a', 'b'] }),
  }),
  interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
  rotateRefreshToken: true,
  issueRefreshToken: (_context, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  ttl: {
    AccessToken: options.accessTokenSeconds ?? 3_600,
    IdToken: 3_600,
    Session: 3_600,
    Grant: 3_600,
    Interaction: 600,
  },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      // Without asking.
      logoutSource: (context: { body: string }, form: string) => {
        context.body = `${form}<input form="op.logoutForm" name="logout" value="yes">`
      },
    },
    ...options.features,
  },
})
