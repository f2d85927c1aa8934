import { isFieldValue } from '@sekisho/wire'
import type { GatewaySession } from '../../session.ts'
import { ForgedFields } from '../forged-fields.ts'
import type { OidcConfig } from './schema.ts'
import type { Claims } from './session.ts'

/** What the upstream is told of the caller. A client that sends these itself is not believed, whatever is configured. */
const FIELDS = new ForgedFields(['X-Access-Token', 'X-ID-Token', 'X-Raw-ID-Token', 'X-Userinfo', 'X-Refresh-Token'])

export const removeForgeries = ({ request: { headers } }: GatewaySession): void => FIELDS.drop(headers)

/** What is known of the caller. */
export interface Identity {
  readonly accessToken: string
  readonly idToken?: string | undefined
  readonly idClaims?: Claims | undefined
  readonly user?: Claims | undefined
  readonly refreshToken?: string | undefined
}

/** What the rest of the way is told of the caller. */
export interface Told {
  /** For the upstream. */
  readonly fields: readonly (readonly [string, string])[]
  /** For other plugins: `acl` goes by it. */
  readonly user: Claims | undefined
}

/** Made once for each session or token. */
export function whatToTell(identity: Identity, config: OidcConfig): Told {
  const { accessToken, idToken, idClaims, user, refreshToken } = identity
  const fields: [string, string | undefined][] = []
  if (config.set_access_token_header) {
    if (config.access_token_in_authorization_header) fields.push(['Authorization', `Bearer ${accessToken}`])
    else fields.push(['X-Access-Token', accessToken])
  }
  if (config.set_id_token_header) fields.push(['X-ID-Token', encoded(idClaims)])
  if (config.set_raw_id_token_header) fields.push(['X-Raw-ID-Token', idToken])
  if (config.set_userinfo_header) fields.push(['X-Userinfo', encoded(user)])
  if (config.set_refresh_token_header) fields.push(['X-Refresh-Token', refreshToken])
  // A token is opaque: nothing says that it can stand in a field.
  return {
    fields: fields.filter((field): field is [string, string] => field[1] !== undefined && isPlain(field[1])),
    user: user ?? idClaims,
  }
}

// eslint-disable-next-line no-control-regex
const LATIN1 = /^[\0-\xff]*$/

const isPlain = (value: string): boolean => isFieldValue(value) && LATIN1.test(value)

const encoded = (claims: Claims | undefined): string | undefined =>
  claims === undefined ? undefined : Buffer.from(JSON.stringify(claims)).toString('base64')

export function tell({ request: { headers }, ctx }: GatewaySession, { fields, user }: Told): void {
  for (const [name, value] of fields) {
    headers.delete(name)
    // They were checked when they were made.
    headers.appendUnchecked(name, value)
  }
  ctx.externalUser = user
}
