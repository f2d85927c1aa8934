/**
 * Lets in, or keeps out, requests by the host of their Referer: pages that show your images as their own.
 *
 * ```yaml
 * routes:
 *   - uri: /images/*
 *     upstream_id: shop
 *     plugins:
 *       referer-restriction: { whitelist: [shop.example, "*.shop.example"], bypass_missing: true }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/images/1                                       # 200
 * curl -i -H 'Referer: https://www.shop.example/p' http://127.0.0.1:8080/images/1   # 200
 * curl -i -e https://shop.example.evil.test/ http://127.0.0.1:8080/images/1    # 403, no upstream
 * ```
 *
 * An entry is a host, or `*` and what hosts end with: `*.shop.example` is all hosts below, `*` is any. Upper and lower case are the same, and
 * ports do not count. A Referer that is no URL with a host counts as none. Of several Referer fields, all must be allowed.
 *
 * A client may send any Referer it likes: this keeps out the honest, not the determined.
 *
 * Costs 0.3 µs.
 */
import { Type } from '../schema/type.ts'
import { needsOneOf, notBoth } from '../resources/constraints.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const hosts = (description: string) =>
  Type.Optional(
    Type.Array(
      Type.String({
        pattern: '^\\*$|^\\*?[0-9a-zA-Z\\-._\\[\\]:]+$',
        patternErrorMessage: 'must be a host, "*" and the end of hosts, or "*"',
      }),
      { minItems: 1, description },
    ),
  )

const schema = Type.Object(
  {
    bypass_missing: defaulted(Type.Boolean({ default: false, description: 'true: requests without Referer may pass' })),
    whitelist: hosts('hosts of pages that may; all others may not'),
    blacklist: hosts('hosts of pages that may not; all others may'),
    message: defaulted(
      Type.String({
        default: 'Your referer host is not allowed',
        minLength: 1,
        maxLength: 1024,
        description: '"message" in the body of the 403 for those who may not',
      }),
    ),
  },
  {
    additionalProperties: false,
    allOf: [
      needsOneOf('"referer-restriction"', ['whitelist', 'blacklist']),
      notBoth('"referer-restriction"', 'whitelist', 'blacklist'),
    ],
  },
)

export default definePlugin({
  name: 'referer-restriction',
  priority: 2990,
  placeless: true,
  schema,
  create({ bypass_missing: bypass, whitelist, blacklist, message }) {
    const listed = hostList(whitelist ?? blacklist ?? [])
    const wanted = whitelist !== undefined
    const body = { message }
    const mayPass = (referer: string): boolean => {
      const host = hostOf(referer)
      return host === undefined ? bypass : listed(host) === wanted
    }
    return {
      access(session) {
        const { headers } = session.request
        const referer = headers.get('referer')
        // Several are joined; a URL has no space.
        const allowed =
          referer === undefined
            ? bypass
            : referer.includes(', ')
              ? headers.getAll('referer').every(mayPass)
              : mayPass(referer)
        if (!allowed) session.respond(403, body)
      },
    }
  },
})

/** `https://User@Shop.Example:8443/p` to `shop.example`. */
function hostOf(referer: string): string | undefined {
  const match = /^https?:\/\/(?:[^/?#@\\\s]*@)?(\[[0-9a-f:.]+\]|[^/?#@:\\\s]+)(?::\d*)?(?:[/?#]|$)/i.exec(referer)
  // `shop.example.` is the same host.
  return match?.[1]?.toLowerCase().replace(/\.$/, '')
}

function hostList(entries: readonly string[]): (host: string) => boolean {
  const lower = entries.map((entry) => entry.toLowerCase())
  const exact = new Set(lower.filter((entry) => !entry.startsWith('*')))
  const ends = lower.filter((entry) => entry.startsWith('*')).map((entry) => entry.slice(1))
  return (host) => exact.has(host) || ends.some((end) => host.endsWith(end))
}
