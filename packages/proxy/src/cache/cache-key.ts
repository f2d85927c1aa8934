import type { Session } from '../session.ts'

/** Scheme, host and target: what tells one resource from all others. The host in lower case, as it is compared everywhere (RFC 9110 section 4.2.3). */
export function cacheKey(session: Session): string {
  const { request, secure } = session
  return `${secure ? 'https' : 'http'}://${request.host.toLowerCase()}${request.target}`
}
