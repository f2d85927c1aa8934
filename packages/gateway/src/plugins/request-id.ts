/**
 * Gives every request an identifier, which the upstream, the client and the logs see. An identifier that the client
 * sent is kept.
 *
 * ```yaml
 * global_rules:
 *   - id: identify
 *     plugins:
 *       request-id: { algorithm: uuidv7 }
 * ```
 *
 * ```yaml
 * global_rules:
 *   - { id: identify, plugins: { request-id: { algorithm: uuidv7 } } }
 * routes:
 *   - { uri: /*, upstream: "http://127.0.0.1:3000" }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/                           # 200, X-Request-Id: -7, upstream: X-Request-Id:
 * curl -i -H 'X-Request-Id: mine' http://127.0.0.1:8080/   # 200, X-Request-Id: mine, upstream: X-Request-Id: mine
 * ```
 *
 * | algorithm | looks like | |
 * |---|---|---|
 * | `uuid` | `8f14e45f-ceea-467f-a9b2-3c1d2e4f5a6b` | random (RFC 9562 version 4) |
 * | `uuidv7` | `01932c07-209c-7d3e-8f5a-1b2c3d4e5f60` | sorts by its time of birth, in milliseconds |
 * | `nanoid` | `V1StGXR8_Z5jdHi6B-myT` | 21 characters, 126 random bits |
 * | `ksuid` | `2oCCLBIeS8wXFbPLcJsfUBkpzlS` | sorts by its time of birth, in seconds |
 * | `range_id` | `fP3qWz81LmXa0bTy` | `range_id.length` characters of `range_id.char_set` |
 *
 * The response gets the identifier too, unless the upstream set that header itself or `include_in_response` is false.
 * All random bits are from the system's secure generator.
 *
 * Costs 0.2 µs for a new identifier (`uuidv7` 0.4 µs, `ksuid` 2 µs) and up to 1 µs for the header of the response.
 */
import { randomFillSync, randomUUID } from 'node:crypto'
import type { Headers } from '@sekisho/wire'
import { type Static, Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const CHARACTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

const RangeId = Type.Object(
  {
    // 256 characters are 1,500 random bits of the default set: more than any identifier needs, and still a short
    // header.
    length: defaulted(Type.Integer({ default: 16, minimum: 6, maximum: 256, description: 'characters' })),
    char_set: defaulted(
      Type.String({
        default: CHARACTERS,
        minLength: 6,
        maxLength: 256,
        pattern: '^[!-~]+$',
        patternErrorMessage: 'may hold visible ASCII characters only, which a header can carry',
        description:
          'the characters to pick from; one that stands twice is picked twice as often. The default is that of APISIX with its missing J, which has G twice there',
      }),
    ),
  },
  {
    additionalProperties: false,
    default: { length: 16, char_set: CHARACTERS },
    description: 'for the algorithm "range_id"',
  },
)

const schema = Type.Object(
  {
    header_name: defaulted(
      Type.String({
        default: 'X-Request-Id',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        patternErrorMessage: 'must be a header name, as "X-Request-Id"',
        description: 'the header that holds the identifier, in the request and in the response',
      }),
    ),
    include_in_response: defaulted(
      Type.Boolean({ default: true, description: 'whether the client gets the identifier' }),
    ),
    algorithm: defaulted(
      Type.Enum(['uuid', 'nanoid', 'range_id', 'ksuid', 'uuidv7'], {
        default: 'uuid',
        description: 'how a new identifier is made',
      }),
    ),
    range_id: defaulted(RangeId),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'request-id',
  priority: 12015,
  placeless: true,
  schema,
  create({ header_name: header, include_in_response: include, algorithm, range_id: range }) {
    const make = identifiers(algorithm, range)
    const state = `request-id ${header.toLowerCase()}`
    return {
      rewrite({ ctx, request: { headers } }) {
        let id = headers.get(header)
        if (id === undefined || id === '') put(headers, header, (id = make()))
        // Kept, because a later plugin may change the request's header.
        if (include) ctx.setState(state, id)
      },
      ...(include && {
        headerFilter({ ctx, response }) {
          const id = ctx.getState<string>(state)
          if (id !== undefined && response !== undefined && !response.headers.get(header))
            put(response.headers, header, id)
        },
      }),
    }
  },
})

/**
 * In place of an empty field, if there is one. Unchecked: identifiers are our own, or were a field's value when they
 * came.
 */
function put(headers: Headers, name: string, id: string): void {
  headers.delete(name)
  headers.appendUnchecked(name, id)
}

/** Where time and chance come from. */
export interface Sources {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** A random byte. */
  readonly byte: () => number
}

/** Makes the maker of identifiers; `sources` are for tests. */
export function identifiers(
  algorithm: Static<typeof schema>['algorithm'],
  range: Static<typeof RangeId>,
  sources: Sources = { now: Date.now, byte: randomByte },
): () => string {
  switch (algorithm) {
    case 'uuid':
      return randomUUID
    case 'uuidv7':
      return () => uuidv7(sources)
    case 'nanoid':
      return () => pick(21, NANOID, sources)
    case 'ksuid':
      return () => ksuid(sources)
    case 'range_id':
      return () => pick(range.length, range.char_set, sources)
  }
}

// 16 bytes of the generator cost 1.7 µs, 4 KiB cost 3 µs and last for 256 identifiers.
const pool = new Uint8Array(4096)
let used = pool.length

function randomByte(): number {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool[used++]
}

const NANOID = `${CHARACTERS}_-`

/**
 * `length` characters, each as likely as the next: bytes beyond the last whole multiple of the set's size are thrown
 * away.
 */
function pick(length: number, characters: string, { byte }: Sources): string {
  const size = characters.length
  const limit = 256 - (256 % size)
  let text = ''
  while (text.length < length) {
    const value = byte()
    if (value < limit) text += characters[value % size]
  }
  return text
}

const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'))

/** RFC 9562 section 5.7: 48 bits of time, 74 random ones. */
function uuidv7({ now, byte }: Sources): string {
  const time = now().toString(16).padStart(12, '0')
  const [a, b, c, d] = [byte(), byte(), byte(), byte()]
  let node = ''
  for (let at = 0; at < 6; at++) node += HEX[byte()]
  const random = HEX[0x70 | (a & 0x0f)] + HEX[b] + '-' + HEX[0x80 | (c & 0x3f)] + HEX[d]
  return `${time.slice(0, 8)}-${time.slice(8)}-${random}-${node}`
}

/** 2014-05-13T16:53:20Z, from which KSUIDs count their seconds so that 32 bits last until 2150. */
const KSUID_EPOCH_SECONDS = 1_400_000_000
const KSUID_WORDS = 5
/** 62 ** 27 > 2 ** 160. */
const KSUID_LENGTH = 27
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** 32 bits of seconds and 128 random ones, as one number in base 62. */
function ksuid({ now, byte }: Sources): string {
  const words = [Math.floor(now() / 1000) - KSUID_EPOCH_SECONDS]
  while (words.length < KSUID_WORDS) words.push(((byte() << 24) | (byte() << 16) | (byte() << 8) | byte()) >>> 0)
  let text = ''
  while (text.length < KSUID_LENGTH) {
    let rest = 0
    for (let at = 0; at < KSUID_WORDS; at++) {
      // At most 62 * 2 ** 32: exact in a double.
      const value = rest * 2 ** 32 + words[at]
      words[at] = Math.floor(value / 62)
      rest = value % 62
    }
    text = BASE62[rest] + text
  }
  return text
}
