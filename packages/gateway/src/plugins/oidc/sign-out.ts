import { decodeJwt } from 'jose'
import type { GatewaySession } from '../../session.ts'
import { plain, redirect } from './answers.ts'
import type { Discovered, Provider } from './provider.ts'
import type { OidcConfig } from './schema.ts'
import type { SessionData } from './session.ts'

interface SignOutOptions {
  readonly config: OidcConfig
  readonly provider: Provider
}

/**
 * Ends a session: here, whatever else happens, and then at the provider (OpenID Connect RP-Initiated Logout 1.0). A request with `sid` is one by which
 * the provider itself says that the session is over (Front-Channel Logout 1.0): it is shown in a frame, and leads nowhere.
 *
 * @param remove takes the session away, and gives the Set-Cookie fields for that
 */
export async function endSession(
  session: GatewaySession,
  { config, provider }: SignOutOptions,
  data: SessionData | undefined,
  remove: () => Promise<readonly string[]>,
): Promise<void> {
  const told = new URLSearchParams(session.request.query).get('sid')
  if (told !== null) {
    return plain(session, 200, 'signed out', data === undefined || isOf(data, told) ? await remove() : [])
  }
  const removed = await remove()
  const { post_logout_redirect_uri: after } = config
  let discovered: Discovered
  try {
    discovered = await provider.discovered()
  } catch {
    return leave(session, after, removed)
  }
  if (data !== undefined && config.revoke_tokens_on_logout) await revoke(discovered, data)
  const { metadata, library, client } = discovered
  if (metadata.end_session_endpoint === undefined) return leave(session, after, removed)
  const parameters = new URLSearchParams()
  if (data?.idToken !== undefined) parameters.set('id_token_hint', data.idToken)
  if (after !== undefined) parameters.set('post_logout_redirect_uri', after)
  return redirect(session, library.buildEndSessionUrl(client, parameters).href, removed)
}

function leave(session: GatewaySession, after: string | undefined, removed: readonly string[]): void {
  if (after === undefined) plain(session, 200, 'signed out', removed)
  else redirect(session, after, removed)
}

const isOf = ({ idToken }: SessionData, sid: string): boolean =>
  idToken !== undefined && decodeJwt(idToken)['sid'] === sid

/** As far as the provider can be reached: the service counted and logged what went wrong. */
async function revoke(
  { metadata, library, client }: Discovered,
  { accessToken, refreshToken }: SessionData,
): Promise<void> {
  if (metadata.revocation_endpoint === undefined) return
  const tokens = refreshToken === undefined ? [accessToken] : [refreshToken, accessToken]
  await Promise.allSettled(tokens.map((token) => library.tokenRevocation(client, token)))
}
