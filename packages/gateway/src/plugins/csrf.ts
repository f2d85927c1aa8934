/**
 * Keeps other sites from sending requests in the name of a visitor (cross-site request forgery): what changes something must show a token that only a
 * page of this site can read.
 *
 * ```yaml
 * routes:
 *   - uri: /account/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       csrf: { key: "${{CSRF_KEY}}", name: xsrf }
 * ```
 *
 * ```sh
 * export CSRF_KEY=a-long-random-text
 * curl -i -c jar http://127.0.0.1:8080/account/                          # 200, Set-Cookie: SameSite=Lax
 * curl -i -b jar -X POST http://127.0.0.1:8080/account/                  # 401, no upstream
 * curl -i -b 'xsrf=forged' -H 'xsrf: forged' -X POST http://127.0.0.1:8080/account/    # 401, no upstream
 * ```
 *
 * Each response brings the cookie `name` unless the browser has a fresh one. A script of the page reads it and sends it along
 * in the header of the same name:
 *
 * ```js
 * const token = document.cookie.match(/(?:^|; )xsrf=([^;]*)/)[1]
 * await fetch('/account/', { method: 'POST', headers: { xsrf: token } })
 * ```
 *
 * GET, HEAD and OPTIONS pass without; every other method needs cookie and header, the same in both, made with `key` and not older
 * than `expires` seconds, or it is answered 401. So GET must change nothing, as it should not anyway.
 *
 * The cookie is `SameSite=Lax`, `Path=/`, and `Secure` where the request came by TLS. It is not `HttpOnly`: the page has to read it. A name that begins with
 * `__Host-` (TLS only) keeps hosts beside this one from setting it. Routes that share visitors need the same `key` and `name`.
 *
 * Costs 4 µs for a request that is checked, as much for a response to a browser that has a cookie.
 */
import { timingSafeEqual } from 'node:crypto'
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { cookie } from '../variables/variables.ts'
import { CsrfTokens } from './csrf/csrf-token.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    key: Type.String({ minLength: 1, description: 'a secret: what the tokens are made with' }),
    expires: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 31_536_000,
        default: 7_200,
        description: 'seconds that a token is good for; 0: for ever',
      }),
    ),
    name: defaulted(
      Type.String({
        default: 'apisix-csrf-token',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        patternErrorMessage: 'must be a name for a cookie and a header, as "X-CSRF-Token"',
        description: 'name of the cookie and of the header',
      }),
    ),
  },
  { additionalProperties: false },
)

/** RFC 9110 section 9.2.1, but for TRACE. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export default definePlugin({
  name: 'csrf',
  priority: 2980,
  placeless: true,
  schema,
  create({ key, expires, name }) {
    const tokens = new CsrfTokens(key, expires)
    const header = name.toLowerCase()
    const challenge = { 'WWW-Authenticate': `csrf header="${name}"` }
    const renewBelow = expires === 0 ? 1 : expires / 2
    const attributes = `; Path=/; SameSite=Lax${expires === 0 ? '' : `; Max-Age=${expires}`}`

    const shown = ({ request }: GatewaySession): string | undefined => cookie(request.headers.get('cookie'), name)
    const refuse = (session: GatewaySession, message: string): void => session.respond(401, { message }, challenge)

    return {
      access(session) {
        if (SAFE.has(session.ctx.method)) return undefined
        const inHeader = session.request.headers.get(header)
        if (inHeader === undefined) return refuse(session, `the header "${name}" is missing`)
        const inCookie = shown(session)
        if (inCookie === undefined) return refuse(session, `the cookie "${name}" is missing`)
        if (!isSame(inHeader, inCookie)) return refuse(session, 'header and cookie differ')
        if (tokens.secondsLeft(inCookie, Date.now()) === 0) return refuse(session, 'the token is wrong or over')
        return undefined
      },
      headerFilter(session) {
        const now = Date.now()
        const known = shown(session)
        if (known !== undefined && tokens.secondsLeft(known, now) >= renewBelow) return
        const secure = session.secure || name.startsWith('__') ? '; Secure' : ''
        session.response?.headers.append('Set-Cookie', `${name}=${tokens.make(now)}${attributes}${secure}`)
      },
    }
  },
})

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
