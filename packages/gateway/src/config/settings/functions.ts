import { type Static, Type } from '../../schema/type.ts'
import { type ListenAddress, parseListenAddress } from './listen.ts'
import { type EtcdAccess, etcdAccess, ETCD_USER_AND_PASSWORD, etcdFields } from './etcd.ts'

const strict = { additionalProperties: false } as const
const text = (description: string) => Type.String({ minLength: 1, description })
const secret = (what: string) => text(`${what}; better $env://NAME than the value itself`)
const seconds = (value: number, description: string) =>
  Type.Number({ exclusiveMinimum: 0, default: value, description })

const S3 = Type.Object(
  {
    endpoint: Type.String({
      pattern: '^https?://',
      patternErrorMessage: 'must begin with "http://" or "https://"',
      description: 'URL of the object store; buckets are the first part of the path',
    }),
    region: Type.Optional(Type.String({ minLength: 1, default: 'us-east-1' })),
    access_key_id: text('key id'),
    secret_access_key: secret('the key'),
  },
  { ...strict, description: 'an S3-compatible object store: where S3Bucket and S3Key of a deploy are read from' },
)

/** The function engine. */
export const FunctionsSetting = Type.Object(
  {
    address: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0, maximum: 65535 }), Type.String({ minLength: 1 })], {
        default: '127.0.0.1:9190',
        description: 'the control API, where the AWS SDK and `sekisho fn` come to',
      }),
    ),
    path: Type.Optional(
      Type.String({ minLength: 1, default: './data/functions', description: 'folder of functions, packages and logs' }),
    ),
    driver: Type.Optional(
      Type.Enum(['sandbox', 'process', 'oci', 'microvm'], {
        default: 'sandbox',
        description: 'how functions are kept apart; `sekisho fn doctor` says what this host supports',
      }),
    ),
    region: Type.Optional(Type.String({ pattern: '^[a-z0-9-]+$', default: 'us-east-1', description: 'in ARNs' })),
    account_id: Type.Optional(
      Type.String({
        pattern: '^[0-9]{12}$',
        patternErrorMessage: 'must have 12 digits',
        default: '000000000000',
        description: 'in ARNs; 12 digits',
      }),
    ),
    keys: Type.Optional(
      Type.Array(Type.Object({ access_key_id: text('key id'), secret_access_key: secret('the key') }, strict), {
        minItems: 1,
        description: 'whose signatures are taken; left out: any signature, and none',
      }),
    ),
    allowed_origins: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        uniqueItems: true,
        description: 'web pages that may call the control API from a browser; `*` = all',
      }),
    ),
    allowed_hosts: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        uniqueItems: true,
        description:
          'names with a dot that the control API may be called by; addresses, `localhost` and single words always may',
      }),
    ),
    sandbox: Type.Optional(
      Type.Object(
        {
          first_user: Type.Optional(
            Type.Integer({
              minimum: 1_000,
              default: 200_000,
              description: 'user id of the first sandbox, where the engine is root',
            }),
          ),
          users: Type.Optional(
            Type.Integer({ minimum: 1, maximum: 1_000_000, default: 20_000, description: 'user ids from there on' }),
          ),
          private_networks: Type.Optional(
            Type.Boolean({
              default: false,
              description: 'functions with the network `egress` reach private networks too',
            }),
          ),
        },
        { ...strict, default: {}, description: 'of the drivers `sandbox` and `oci`' },
      ),
    ),
    oci: Type.Optional(
      Type.Object(
        {
          runtime: Type.Optional(
            Type.String({ minLength: 1, default: 'runc', description: 'name or path of the OCI runtime' }),
          ),
        },
        { ...strict, default: {} },
      ),
    ),
    microvm: Type.Optional(
      Type.Object(
        {
          firecracker: Type.Optional(
            Type.String({ minLength: 1, default: 'firecracker', description: 'name or path' }),
          ),
          kernel: Type.Optional(text('uncompressed kernel image')),
          root_file_system: Type.Optional(text('image of a root file system with the guest agent as its init')),
        },
        { ...strict, default: {} },
      ),
    ),
    concurrency: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        default: 1_000,
        description: 'invocations at a time, over all functions',
      }),
    ),
    unreserved_concurrency: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100_000,
        default: 100,
        description: 'what reservations must leave for the others',
      }),
    ),
    max_environments: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        default: 1_000,
        description: 'execution environments, warm ones included',
      }),
    ),
    max_memory: Type.Optional(
      Type.Integer({
        minimum: 128,
        description: 'MB that all environments may hold together; left out: three quarters of the machine',
      }),
    ),
    idle_timeout: Type.Optional(seconds(600, 'seconds after which an idle environment ends')),
    cpu: Type.Optional(
      Type.Enum(['proportional', 'unlimited'], {
        default: 'proportional',
        description: 'proportional: one virtual CPU at 1,769 MB, as on Lambda',
      }),
    ),
    network: Type.Optional(
      Type.Enum(['none', 'egress', 'host'], {
        default: 'none',
        description: 'what functions reach unless their tag `sekisho:network` says otherwise',
      }),
    ),
    interpreters: Type.Optional(
      Type.Record(Type.String(), Type.String({ minLength: 1 }), {
        default: {},
        description: 'the program of a runtime where it is not found by itself: `nodejs24.x: /opt/node24/bin/node`',
      }),
    ),
    packages: Type.Optional(
      Type.Union(
        [
          Type.Object({ type: Type.Literal('directory') }, strict),
          Type.Object(
            { type: Type.Literal('s3'), bucket: text('bucket'), prefix: Type.Optional(Type.String({ default: '' })) },
            { ...strict, description: 'in the object store of `s3`' },
          ),
        ],
        { default: { type: 'directory' }, description: 'where packages are kept: in `path`, or in a bucket of `s3`' },
      ),
    ),
    s3: Type.Optional(S3),
    store: Type.Optional(
      Type.Union(
        [
          Type.Object({ type: Type.Literal('embedded') }, strict),
          Type.Object(
            {
              type: Type.Literal('etcd'),
              ...etcdFields('/sekisho-functions', 'what all keys begin with'),
            },
            { ...strict, ...ETCD_USER_AND_PASSWORD },
          ),
        ],
        {
          default: { type: 'embedded' },
          description: 'where functions are kept: in `path`, or in etcd for several nodes',
        },
      ),
    ),
    queues: Type.Optional(
      Type.Record(Type.String(), Type.String({ minLength: 1 }), {
        default: {},
        description:
          'what stands behind ARNs of queues, `*` at the end for all that begin so: `arn:aws:sqs:*: redis://127.0.0.1:6379`',
      }),
    ),
    logs: Type.Optional(
      Type.Object(
        {
          max_bytes: Type.Optional(
            Type.Integer({ minimum: 65_536, default: 67_108_864, description: 'of the log of one function' }),
          ),
          retention: Type.Optional(Type.Integer({ minimum: 1, default: 14, description: 'days' })),
        },
        { ...strict, default: {} },
      ),
    ),
    price: Type.Optional(
      Type.Object(
        {
          gb_second: Type.Optional(Type.Number({ minimum: 0, default: 0.0000166667 })),
          request: Type.Optional(Type.Number({ minimum: 0, default: 0.0000002 })),
        },
        { ...strict, default: {}, description: 'for the estimate of what a function would cost: US dollars' },
      ),
    ),
  },
  { ...strict, description: 'the function engine; left out = none' },
)
export type FunctionsSetting = Static<typeof FunctionsSetting>

/** The setting with its defaults; paths are absolute. */
export type FunctionsSettings = Omit<Complete, 'address' | 'store'> & {
  readonly address: ListenAddress
  readonly store: FunctionsStore
}

/** Where functions are kept. */
export type FunctionsStore = { readonly type: 'embedded' } | ({ readonly type: 'etcd' } & EtcdAccess)

type Complete = Required<Omit<FunctionsSetting, Unset>> & Pick<FunctionsSetting, Unset>
type Unset = 'keys' | 'max_memory' | 's3'

/**
 * @param filled with its defaults
 * @param at makes a path absolute
 */
export function functionsSettings(filled: FunctionsSetting, at: (path: string) => string): FunctionsSettings {
  const complete = filled as Complete
  const address = parseListenAddress(complete.address)
  if (typeof address === 'string') throw new Error(`address "${complete.address}": ${address}`)
  const interpreters = Object.fromEntries(
    Object.entries(complete.interpreters).map(([runtime, path]) => [runtime, path.includes('/') ? at(path) : path]),
  )
  const { kernel, root_file_system: image } = complete.microvm
  const microvm = {
    ...complete.microvm,
    ...(kernel === undefined ? {} : { kernel: at(kernel) }),
    ...(image === undefined ? {} : { root_file_system: at(image) }),
  }
  const store = functionsStore(complete.store, at)
  return { ...complete, address, path: at(complete.path), interpreters, microvm, store }
}

function functionsStore(written: Complete['store'], at: (path: string) => string): FunctionsStore {
  if (written.type === 'embedded') return { type: 'embedded' }
  return { type: 'etcd', ...etcdAccess(written, '/sekisho-functions', at) }
}
