import type { ServerMetadata } from 'openid-client'

/** Endpoints that are asked by the gateway or shown to browsers. */
const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'userinfo_endpoint',
  'jwks_uri',
  'introspection_endpoint',
  'revocation_endpoint',
  'end_session_endpoint',
  'pushed_authorization_request_endpoint',
] as const

/**
 * The discovery document in a text (OpenID Connect Discovery 1.0 section 3), or what is wrong with it.
 * @param secure it came by https: nothing that it names may be asked without
 */
export function readMetadata(text: string, secure: boolean): ServerMetadata | string {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return 'the discovery document is no JSON'
  }
  const metadata = document as ServerMetadata | null
  if (typeof metadata?.issuer !== 'string') return 'the discovery document has no issuer'
  for (const name of ENDPOINTS) {
    const url = metadata[name]
    if (url === undefined) continue
    if (typeof url !== 'string' || !/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) return `its ${name} is no URL`
    if (secure && !url.startsWith('https:')) return `its ${name} is not https, as the document itself is`
  }
  return metadata
}
