/**
 * Takes the address of the client from what a proxy in front of us says, for everything that runs after it:
 * `$remote_addr`, `ip-restriction`, the limits, logs.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream_id: shop
 *     plugins:
 *       real-ip:
 *         source: http_x_forwarded_for
 *         trusted_addresses: [10.0.0.0/8]
 *         recursive: true
 * ```
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       real-ip: { source: http_x_forwarded_for, trusted_addresses: [127.0.0.0/8], recursive: true }
 *       ip-restriction: { blacklist: [198.51.100.0/24] }
 * ```
 *
 * ```sh
 * curl -i -H 'X-Forwarded-For: 198.51.100.7, 127.0.0.9' http://127.0.0.1:8080/   # 403
 * curl -i -H 'X-Forwarded-For: 192.0.2.7, 127.0.0.9' http://127.0.0.1:8080/      # 200, upstream: X-Real-IP: 192.0.2.7
 * ```
 *
 * `source` is any variable: a header (`http_x_real_ip`), an argument (`arg_client`), a cookie (`cookie_client`). Of
 * `http_x_forwarded_for` the last address counts, the one that our own neighbour added; with `recursive` the last one
 * that is not itself trusted, and the first when all are. A port behind the address is cut off, IPv6 is written in its
 * one short form (RFC 5952). What is missing or no address changes nothing. Without `trusted_addresses` every client
 * may say who it is: use that only where clients cannot reach us directly.
 *
 * Costs the reading of the variable and of the address, 0.2 µs.
 */
import { Type } from '../schema/type.ts'
import { CidrSet, parseAddress } from '../addresses/index.ts'
import { isVariable, variableReader, type VariableReader } from '../variables/variables.ts'
import { checkCidrList, cidrList } from './cidr-list.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    source: Type.String({
      minLength: 1,
      description: 'the variable that holds the address, as "http_x_forwarded_for" or "arg_realip"',
    }),
    trusted_addresses: Type.Optional(
      cidrList('addresses and networks of the proxies that are believed; left out: everybody is'),
    ),
    recursive: defaulted(
      Type.Boolean({
        default: false,
        description: 'true: go back in X-Forwarded-For over the trusted addresses; needs "trusted_addresses"',
      }),
    ),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'real-ip',
  priority: 23000,
  placeless: true,
  schema,
  check({ source, trusted_addresses: trusted }) {
    if (isVariable(source)) return checkCidrList(trusted, '/trusted_addresses')
    return {
      path: '/source',
      message: 'is not a variable; write it as "http_x_forwarded_for", "arg_realip" or "cookie_realip"',
    }
  },
  create({ source, trusted_addresses: list, recursive }) {
    const trusted = list === undefined ? undefined : new CidrSet(list)
    const read = variableReader(source)
    const find = source === 'http_x_forwarded_for' ? lastOf(read, recursive ? trusted : undefined) : single(read)
    return {
      rewrite({ ctx, inner }) {
        // One of a batch: the address is known, and its fields are the client's, whatever proxy the batch came through.
        if (inner) return
        if (trusted?.has(ctx.remoteAddr) === false) return
        const address = find(ctx)
        if (address !== undefined) ctx.remoteAddr = address
      },
    }
  },
})

type AddressReader = (context: Parameters<VariableReader>[0]) => string | undefined

const single =
  (read: VariableReader): AddressReader =>
  (context) => {
    const value = read(context)
    return value === undefined ? undefined : addressIn(String(value))
  }

/** The last of a list, but before those that are in `skipped`. */
const lastOf =
  (read: VariableReader, skipped: CidrSet | undefined): AddressReader =>
  (context) => {
    const list = read(context)
    if (typeof list !== 'string') return undefined
    for (let end = list.length; ;) {
      const comma = end === 0 ? -1 : list.lastIndexOf(',', end - 1)
      const address = addressIn(list.slice(comma + 1, end))
      if (address === undefined || comma < 0 || skipped?.has(address) !== true) return address
      end = comma
    }
  }

/** The address without its port, in its one text form; undefined when it is none, or has a port that cannot be. */
function addressIn(value: string): string | undefined {
  const text = value.trim()
  return plainAddress(text) ?? addressBeforePort(text)
}

const words = new Int32Array(4)

function plainAddress(text: string): string | undefined {
  // A zone names an interface of whoever wrote it, and is free text: nothing for keys and logs.
  if (text.includes('%')) return undefined
  const family = parseAddress(text, words)
  if (family === 4) return text.includes(':') ? dotted(words[0]) : text
  return family === 6 ? shortIPv6(words) : undefined
}

const IPV4_WITH_PORT = /^([0-9.]+):(\d{1,5})$/
const IPV6_IN_BRACKETS = /^\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?$/

/** `1.2.3.4:80`, `[::1]` or `[::1]:80`. */
function addressBeforePort(text: string): string | undefined {
  const inBrackets = text.startsWith('[')
  const match = (inBrackets ? IPV6_IN_BRACKETS : IPV4_WITH_PORT).exec(text)
  if (match === null || (inBrackets && !match[1].includes(':'))) return undefined
  const port = match[2] === undefined ? 1 : Number(match[2])
  return port >= 1 && port <= 65_535 ? plainAddress(match[1]) : undefined
}

const dotted = (word: number): string => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.')

/**
 * RFC 5952 section 4: lower case, no leading zeros, `::` for the first of the longest runs of two or more zero groups.
 */
function shortIPv6(address: Int32Array): string {
  const groups: number[] = []
  for (const word of address) groups.push(word >>> 16, word & 0xffff)
  let start = 0
  let length = 1
  for (let at = 0; at < 8; at++) {
    let end = at
    while (end < 8 && groups[end] === 0) end++
    if (end - at > length) {
      start = at
      length = end - at
    }
    at = end
  }
  const text = (from: number, to?: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  return length < 2 ? text(0) : `${text(0, start)}::${text(start + length)}`
}
