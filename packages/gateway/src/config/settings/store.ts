import { type Static, Type } from '../../schema/type.ts'

const strict = { additionalProperties: false } as const
const text = (description: string) => Type.String({ minLength: 1, description })

const entries = (otherwise: number) =>
  Type.Optional(Type.Integer({ minimum: 1, default: otherwise, description: 'changes that are kept' }))
const days = Type.Optional(
  Type.Number({ exclusiveMinimum: 0, maximum: 36_500, default: 90, description: 'how long they are kept' }),
)
const history = 'changes that `history` and `rollback` know: the oldest go first, the newest stays'

export const EtcdEndpoints = Type.Array(
  Type.String({
    pattern: '^(https?://)?([0-9a-zA-Z._-]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5}$',
    patternErrorMessage: 'must be "HOST:PORT", "http://HOST:PORT" or "https://HOST:PORT"',
  }),
  { minItems: 1, maxItems: 32, uniqueItems: true, description: 'of the members; one that answers is used' },
)

export const EtcdTlsSetting = Type.Object(
  {
    ca: Type.Optional(text('file with the authorities that may sign the certificate of etcd, PEM')),
    cert: Type.Optional(text('file with the certificate that this node shows, PEM')),
    key: Type.Optional(text('file with its private key, PEM')),
    server_name: Type.Optional(text('name in the certificate of etcd, where it is not the host')),
  },
  {
    ...strict,
    dependentRequired: { cert: ['key'], key: ['cert'] },
    description: 'for endpoints that begin with `https://`',
  },
)

/** Where routes and the rest come from. */
export const StoreSetting = Type.Union(
  [
    Type.Object({ type: Type.Literal('file') }, strict),
    Type.Object(
      {
        type: Type.Literal('embedded'),
        path: text('folder of the store'),
        history: Type.Optional(
          Type.Object(
            {
              entries: entries(10_000),
              days,
              bytes: Type.Optional(
                Type.Integer({
                  minimum: 0,
                  maximum: 1024 ** 3,
                  default: 256 * 1024 ** 2,
                  description: 'what all of them may take in the file',
                }),
              ),
            },
            { ...strict, description: history },
          ),
        ),
      },
      strict,
    ),
    Type.Object(
      {
        type: Type.Literal('etcd'),
        endpoints: EtcdEndpoints,
        prefix: Type.Optional(
          Type.String({
            default: '/sekisho',
            pattern: '^/[^\\s]*[^\\s/]$',
            patternErrorMessage: 'must begin with "/" and end with something else',
            description: 'what all keys begin with; `/apisix` reads what APISIX wrote',
          }),
        ),
        user: Type.Optional(text("of etcd's own users")),
        password: Type.Optional(text('better $env://NAME than the password itself')),
        tls: Type.Optional(EtcdTlsSetting),
        history: Type.Optional(Type.Object({ entries: entries(1_000), days }, { ...strict, description: history })),
        last_good: Type.Optional(
          Type.String({
            minLength: 1,
            default: './data/last-good',
            description: 'file that this node starts from when etcd cannot be reached',
          }),
        ),
      },
      { ...strict, dependentRequired: { user: ['password'], password: ['user'] } },
    ),
  ],
  { default: { type: 'file' }, description: 'where routes and the rest come from' },
)

/** Encryption of what is secret in the documents of a store. */
export const DataEncryption = Type.Object(
  {
    keyring: Type.Array(
      Type.String({ minLength: 1, description: '16 characters or more; better $env://NAME than the key itself' }),
      { minItems: 1, uniqueItems: true, description: 'the first one encrypts, all of them decrypt' },
    ),
  },
  { ...strict, description: 'encrypts what is secret in an embedded store or etcd' },
)

/** The setting, complete. Paths are absolute. */
export type StoreSettings =
  | { readonly type: 'file' }
  | { readonly type: 'embedded'; readonly path: string; readonly history: HistorySettings }
  | {
      readonly type: 'etcd'
      readonly endpoints: readonly string[]
      readonly prefix: string
      readonly user: string | undefined
      readonly password: string | undefined
      readonly tls: EtcdTlsFiles | undefined
      readonly lastGood: string
      readonly history: Omit<HistorySettings, 'bytes'>
    }

/** What is left out is for the store to say. */
export interface HistorySettings {
  readonly entries?: number
  readonly ageMs?: number
  readonly bytes?: number
}

/** Files, by absolute paths. */
export interface EtcdTlsFiles {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly serverName: string | undefined
}

/** @param at makes a path absolute */
export function storeSettings(written: Static<typeof StoreSetting>, at: (path: string) => string): StoreSettings {
  switch (written.type) {
    case 'file':
      return { type: 'file' }
    case 'embedded':
      return { type: 'embedded', path: at(written.path), history: historySettings(written.history) }
    case 'etcd': {
      const { endpoints, prefix = '/sekisho', user, password, tls, last_good: lastGood = './data/last-good' } = written
      const files = tls && tlsFiles(tls, at)
      const kept = historySettings(written.history)
      return { type: 'etcd', endpoints, prefix, user, password, tls: files, lastGood: at(lastGood), history: kept }
    }
  }
}

const DAY_MS = 24 * 60 * 60 * 1_000

const historySettings = ({
  days: age,
  ...limits
}: { entries?: number; days?: number; bytes?: number } = {}): HistorySettings => ({
  ...limits,
  ...(age === undefined ? {} : { ageMs: age * DAY_MS }),
})

/** @param at makes a path absolute */
export function tlsFiles(tls: Static<typeof EtcdTlsSetting>, at: (path: string) => string): EtcdTlsFiles {
  const file = (path: string | undefined): string | undefined => (path === undefined ? undefined : at(path))
  return { ca: file(tls.ca), cert: file(tls.cert), key: file(tls.key), serverName: tls.server_name }
}
