import { createPrivateKey, randomUUID, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import type { ClientAuth } from 'openid-client'
import type { AuthMethod, OidcConfig } from './schema.ts'

export type { ClientAuth } from 'openid-client'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** How the gateway shows an endpoint of the provider who it is. */
export function clientAuth(method: AuthMethod, config: OidcConfig): ClientAuth {
  const { client_id: id, client_secret: secret = '' } = config
  switch (method) {
    case 'client_secret_basic':
      return (_server, _client, _body, headers) => {
        const credentials = `${formEncoded(id)}:${formEncoded(secret)}`
        headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`)
      }
    case 'client_secret_post':
      return (_server, _client, body) => {
        body.set('client_id', id)
        body.set('client_secret', secret)
      }
    case 'client_secret_jwt':
      return assertion(config, Buffer.from(secret), config.client_jwt_assertion_alg ?? 'HS256')
    case 'private_key_jwt':
      return assertion(
        config,
        createPrivateKey(config.client_rsa_private_key ?? ''),
        config.client_jwt_assertion_alg ?? 'RS256',
      )
    case 'none':
      return (_server, _client, body) => body.set('client_id', id)
  }
}

/** RFC 6749 section 2.3.1 has both parts of Basic credentials encoded as in a form. */
const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1)

/** A signed statement that it is us (RFC 7523 section 2.2, OpenID Connect Core section 9). */
function assertion(config: OidcConfig, key: KeyObject | Uint8Array, alg: string): ClientAuth {
  const { client_id: id, client_rsa_private_key_id: kid, client_jwt_assertion_expires_in: lifetime } = config
  const sign = async (issuer: string, body: URLSearchParams): Promise<void> => {
    const now = Math.floor(Date.now() / 1_000)
    const jwt = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg, ...(kid === undefined || alg.startsWith('HS') ? {} : { kid }) })
      .setIssuer(id)
      .setSubject(id)
      .setAudience(config.client_jwt_assertion_audience ?? issuer)
      .setIssuedAt(now)
      .setExpirationTime(now + lifetime)
      .sign(key)
    body.set('client_id', id)
    body.set('client_assertion_type', ASSERTION_TYPE)
    body.set('client_assertion', jwt)
  }
  // The library waits for what this returns, though its type does not say so.
  return ((server, _client, body) => sign(server.issuer, body)) as ClientAuth
}
