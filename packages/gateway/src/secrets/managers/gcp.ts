import { createSign } from 'node:crypto'
import { pemText } from '../../resources/pem.ts'
import type { GcpSecret } from '../../resources/secret.ts'
import { ask } from '../ask.ts'
import { isOutage, objectIn, type SecretFailure, type SecretRead, textFields } from '../read-secret.ts'

const TOKEN_URI = 'https://oauth2.googleapis.com/token'
const ENTRIES_URI = 'https://secretmanager.googleapis.com/v1'
const SCOPE = ['https://www.googleapis.com/auth/cloud-platform']

/** What Google gives at most. */
const LIFETIME_S = 3_600

/** A token is not used any more this long before its end. */
const MARGIN_MS = 60_000

/** Access tokens of the service accounts, with the milliseconds since 1970 until which they are good. */
const tokens = new WeakMap<GcpSecret, { readonly token: string; readonly until: number }>()

/** Reads the latest version of a secret of Google Cloud Secret Manager: its fields where it holds a JSON object. */
export async function readGcp(config: GcpSecret, name: string): Promise<SecretRead> {
  const token = await accessToken(config)
  if (typeof token !== 'string') return token
  const { entries_uri: base = ENTRIES_URI, project_id: project } = config.auth_config
  const path = `projects/${encodeURIComponent(project)}/secrets/${encodeURIComponent(name)}/versions/latest:access`
  const where = `${base.replace(/\/+$/, '')}/${path}`
  const answer = await ask({
    ...common(config),
    method: 'GET',
    url: where,
    headers: { authorization: `Bearer ${token}` },
  })
  if ('failure' in answer) return { message: `${where} ${answer.failure}`, unreachable: true }
  const value = objectIn(answer.text)
  if (answer.status === 404) return { message: `there is no secret at ${where}`, unreachable: false }
  if (answer.status === 401) tokens.delete(config)
  if (answer.status !== 200)
    return { message: `${where} ${said(answer.status, value)}`, unreachable: isOutage(answer.status) }
  const data = (value?.['payload'] as { data?: unknown } | undefined)?.data
  if (typeof data !== 'string') return { message: `what ${where} answers holds no secret`, unreachable: false }
  const text = Buffer.from(data, 'base64').toString('utf8')
  return { fields: textFields(objectIn(text) ?? {}), text }
}

const common = ({ timeout = 3, ca }: GcpSecret): { timeoutMs: number; ca: string | undefined } => ({
  timeoutMs: timeout * 1_000,
  ca: ca && pemText(ca),
})

/** By an assertion that the service account signed (RFC 7523). */
async function accessToken(config: GcpSecret): Promise<string | SecretFailure> {
  const known = tokens.get(config)
  if (known !== undefined && Date.now() < known.until) return known.token
  const { token_uri: url = TOKEN_URI } = config.auth_config
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: assertion(config, url),
  }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await ask({ ...common(config), method: 'POST', url, headers, body })
  if ('failure' in answer) return { message: `${url} ${answer.failure}`, unreachable: true }
  const value = objectIn(answer.text)
  const token = value?.['access_token']
  if (answer.status !== 200 || typeof token !== 'string')
    return { message: `${url} gives no access token: it ${said(answer.status, value)}`, unreachable: true }
  const seconds = typeof value?.['expires_in'] === 'number' ? value['expires_in'] : LIFETIME_S
  tokens.set(config, { token, until: Date.now() + seconds * 1_000 - MARGIN_MS })
  return token
}

function assertion({ auth_config: account }: GcpSecret, audience: string): string {
  const now = Math.floor(Date.now() / 1_000)
  const claims = {
    iss: account.client_email,
    aud: audience,
    scope: (account.scope ?? SCOPE).join(' '),
    iat: now,
    exp: now + LIFETIME_S,
  }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(account.private_key, 'base64url')}`
}

function said(status: number, value: Readonly<Record<string, unknown>> | undefined): string {
  const error = value?.['error'] as { message?: unknown } | string | undefined
  const reason = typeof error === 'string' ? error : error?.message
  return `answers with ${status}${typeof reason === 'string' ? ` (${reason.slice(0, 200)})` : ''}`
}
