import type { GatewaySession } from '../../session.ts'
import { cookie, queryArgument } from '../../variables/variables.ts'
import { withoutArgument } from '../authentication/without-argument.ts'
import { withoutCookie } from '../authentication/without-cookie.ts'

/** Where callers put their token. */
export interface TokenPlaces {
  /** In lower case. */
  readonly header: string
  readonly query: string
  readonly cookie: string
}

/** The token of a request, from the first place that has one: header, query, cookie. */
export function presentedToken({ request }: GatewaySession, places: TokenPlaces): string | undefined {
  const { headers } = request
  const field = headers.get(places.header)
  if (field !== undefined) return withoutScheme(field)
  const argument = queryArgument(request.query, places.query)
  if (argument !== undefined) return argument
  return cookie(headers.get('cookie'), places.cookie)
}

/** `Bearer` in any case (RFC 9110 section 11.1), or the token alone. */
const withoutScheme = (field: string): string => (BEARER.test(field) ? field.slice(7).trimStart() : field)
const BEARER = /^bearer /i

/** Takes the token out of all places, whichever of them it was read from. */
export function hideToken({ request, ctx }: GatewaySession, places: TokenPlaces): void {
  const { headers } = request
  headers.delete(places.header)
  const target = ctx.upstreamTarget ?? request.target
  const hidden = withoutArgument(target, places.query)
  if (hidden !== target) ctx.upstreamTarget = hidden
  const cookies = headers.get('cookie')
  if (cookies === undefined) return
  const rest = withoutCookie(cookies, places.cookie)
  if (rest === '') headers.delete('cookie')
  else if (rest !== cookies) headers.set('Cookie', rest)
}
