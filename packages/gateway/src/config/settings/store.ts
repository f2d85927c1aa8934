import { type Static, Type } from '../../schema/type.ts'
import { type EtcdAccess, etcdAccess, ETCD_USER_AND_PASSWORD, etcdFields } from './etcd.ts'

const strict = { additionalProperties: false } as const
const text = (description: string) => Type.String({ minLength: 1, description })

const entries = (otherwise: number) =>
  Type.Optional(Type.Integer({ minimum: 1, default: otherwise, description: 'changes that are kept' }))
const days = Type.Optional(
  Type.Number({ exclusiveMinimum: 0, maximum: 36_500, default: 90, description: 'how long they are kept' }),
)
const history = 'changes that `history` and `rollback` know: the oldest go first, the newest stays'

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
        ...etcdFields('/sekisho', 'what all keys begin with; `/apisix` reads what APISIX wrote'),
        history: Type.Optional(Type.Object({ entries: entries(1_000), days }, { ...strict, description: history })),
        last_good: Type.Optional(
          Type.String({
            minLength: 1,
            default: './data/last-good',
            description: 'file that this node starts from when etcd cannot be reached',
          }),
        ),
      },
      { ...strict, ...ETCD_USER_AND_PASSWORD },
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
  | ({
      readonly type: 'etcd'
      readonly lastGood: string
      readonly history: Omit<HistorySettings, 'bytes'>
    } & EtcdAccess)

/** What is left out is for the store to say. */
export interface HistorySettings {
  readonly entries?: number
  readonly ageMs?: number
  readonly bytes?: number
}

/** @param at makes a path absolute */
export function storeSettings(written: Static<typeof StoreSetting>, at: (path: string) => string): StoreSettings {
  switch (written.type) {
    case 'file':
      return { type: 'file' }
    case 'embedded':
      return { type: 'embedded', path: at(written.path), history: historySettings(written.history) }
    case 'etcd': {
      const { last_good: lastGood = './data/last-good', history: kept } = written
      const access = etcdAccess(written, '/sekisho', at)
      return { type: 'etcd', ...access, lastGood: at(lastGood), history: historySettings(kept) }
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
