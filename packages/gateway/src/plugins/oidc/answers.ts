import type { GatewaySession } from '../../session.ts'

const UNCACHED = { 'Cache-Control': 'no-store' } as const

/** 401 with a challenge (RFC 6750 section 3). `error` and `reason` are fixed texts of ours. */
export function unauthorized(session: GatewaySession, realm: string, reason: string, error?: string): void {
  const details = error === undefined ? '' : `, error="${error}", error_description="${reason}"`
  session.respond(401, { message: reason }, { ...UNCACHED, 'WWW-Authenticate': `Bearer realm="${realm}"${details}` })
}

export const unavailable = (session: GatewaySession): void =>
  session.respond(503, { message: 'the identity provider does not answer' }, UNCACHED)

export function redirect(session: GatewaySession, location: string, cookies: readonly string[] = []): void {
  session.respond(302, '', {
    ...UNCACHED,
    Location: location,
    ...(cookies.length === 0 ? {} : { 'Set-Cookie': cookies }),
  })
}

/**
 * The same by a page. A browser that comes from the provider does not send SameSite=Strict cookies on redirects; it does
 * when it comes from a page of this site.
 */
export function redirectByPage(session: GatewaySession, location: string, cookies: readonly string[]): void {
  const page = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${escapeHtml(location)}"><title>Signed in</title>`
  session.respond(200, page, { ...UNCACHED, 'Content-Type': 'text/html; charset=utf-8', 'Set-Cookie': cookies })
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character])

export function plain(session: GatewaySession, status: number, message: string, cookies: readonly string[] = []): void {
  session.respond(status, { message }, { ...UNCACHED, ...(cookies.length === 0 ? {} : { 'Set-Cookie': cookies }) })
}
