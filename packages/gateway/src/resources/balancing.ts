import { type Static, Type } from '../schema/type.ts'

const strict = { additionalProperties: false }

/** The same client goes to the same node, by a cookie of ours. */
export const StickyCookie = Type.Object(
  {
    cookie: Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", maxLength: 64, description: 'its name' }),
    ttl: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 34_560_000,
        default: 0,
        description: 'seconds; 0: until the browser is closed',
      }),
    ),
    path: Type.Optional(
      Type.String({ pattern: '^/[!-:<-~]*$', default: '/', description: 'of the requests that it is sent with' }),
    ),
    domain: Type.Optional(
      Type.String({
        pattern: '^[0-9A-Za-z.-]+$',
        maxLength: 253,
        description: 'whose hosts it is sent to; left out: the one that set it',
      }),
    ),
    secure: Type.Optional(Type.Boolean({ default: false, description: 'over TLS only' })),
    http_only: Type.Optional(Type.Boolean({ default: true, description: 'scripts of the page do not see it' })),
    same_site: Type.Optional(
      Type.Enum(['strict', 'lax', 'none'], {
        description: 'whether pages of other sites send it; left out: as the browser sees fit',
      }),
    ),
    secret: Type.Optional(
      Type.String({
        minLength: 16,
        maxLength: 256,
        description:
          'keys the hash of host and port that stands in the cookie: without it, who tries all addresses finds the one of a node',
      }),
    ),
  },
  strict,
)
export type StickyCookie = Static<typeof StickyCookie>

const MAX_LABELS = 8
const Labels = (description: string, value: object) =>
  Type.Record(Type.String({ minLength: 1 }), Type.String({ maxLength: 256, ...value }), {
    minProperties: 1,
    maxProperties: MAX_LABELS,
    description,
  })

/** Requests go to the nodes whose metadata has certain values. */
export const Subset = Type.Object(
  {
    labels: Labels('names in the "metadata" of nodes, and the value that is asked for: a text with $variables', {}),
    fallback: Type.Optional(
      Type.Enum(['none', 'any', 'default'], {
        default: 'any',
        description: 'where a request goes that asks for nothing, or for what no available node has',
      }),
    ),
    default: Type.Optional(Labels('the labels that "fallback: default" goes to', { minLength: 1 })),
  },
  strict,
)
export type Subset = Static<typeof Subset>
