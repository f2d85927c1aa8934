import { type Static, Type } from '../../schema/type.ts'
import { Acme } from './acme.ts'
import { Admin } from './admin.ts'
import { DiscoverySetting } from './discovery.ts'
import { FunctionsSetting } from './functions.ts'
import { Limits, UpstreamDefaults } from './limits.ts'
import { Listen } from './listen.ts'
import { AccessLog, ErrorLog } from './logs.ts'
import { OverloadSetting } from './overload.ts'
import { ProxyCacheSetting } from './proxy-cache.ts'
import { DataEncryption, StoreSetting } from './store.ts'
import { WasmSetting } from './wasm.ts'

const strict = { additionalProperties: false } as const
const Address = Type.Union([Type.Integer({ minimum: 0, maximum: 65535 }), Type.String({ minLength: 1 })])

/** What is set for this node alone, and read at its start. */
export const settingsFields = {
  listen: Type.Optional(Type.Array(Listen, { minItems: 1, default: [8080] })),
  workers: Type.Optional(
    Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1, maximum: 256 })], {
      default: 'auto',
      description: 'threads; auto = one a core',
    }),
  ),
  admin: Type.Optional(Admin),
  metrics: Type.Optional(
    Type.Union(
      [
        Type.Literal(false),
        Type.Object(
          { address: Type.Optional(Type.Union(Address.anyOf, { default: '127.0.0.1:9091' })) },
          { ...strict },
        ),
      ],
      { default: {}, description: 'where Prometheus reads; false = nowhere' },
    ),
  ),
  store: Type.Optional(StoreSetting),
  data_encryption: Type.Optional(DataEncryption),
  secret_paths: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      uniqueItems: true,
      description:
        'folders whose files the documents of a store may name by `$file://PATH`, `{ file: PATH }`, and as paths of plugins that read them',
    }),
  ),
  log_paths: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      uniqueItems: true,
      description: 'folders into whose files `file-logger` in documents of a store may write',
    }),
  ),
  discovery: Type.Optional(DiscoverySetting),
  functions: Type.Optional(FunctionsSetting),
  plugins: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { uniqueItems: true, description: 'allowed plugins; left out = all' }),
  ),
  plugin_paths: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      uniqueItems: true,
      description: 'folders with plugins of your own; left out = ./plugins where it exists',
    }),
  ),
  wasm: Type.Optional(WasmSetting),
  scripts: Type.Optional(
    Type.Object(
      {
        trusted: Type.Optional(
          Type.Boolean({
            default: false,
            description:
              'functions of plugins may say "sandbox: none", and documents of a store may have a "filter_func": they run with all rights of the gateway, so that whoever may configure routes may run code on this node',
          }),
        ),
      },
      { ...strict, default: {} },
    ),
  ),
  acme: Type.Optional(Acme),
  fips: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'cryptography by the FIPS provider of OpenSSL alone; refused where there is none',
    }),
  ),
  access_log: Type.Optional(AccessLog),
  error_log: Type.Optional(ErrorLog),
  limits: Type.Optional(Limits),
  upstream_defaults: Type.Optional(UpstreamDefaults),
  overload: Type.Optional(OverloadSetting),
  zone: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'where this gateway runs: upstreams that are "zone_aware" prefer nodes there',
    }),
  ),
  proxy_cache: Type.Optional(ProxyCacheSetting),
  shutdown: Type.Optional(
    Type.Object(
      {
        grace_period: Type.Optional(
          Type.Number({ minimum: 0, default: 30, description: 'seconds for requests in flight to finish' }),
        ),
        drain_delay: Type.Optional(
          Type.Number({
            minimum: 0,
            maximum: 3600,
            default: 0,
            description:
              'seconds that a stop goes on accepting connections while `/status/ready` answers 503, for balancers in front to notice',
          }),
        ),
      },
      { ...strict, default: {} },
    ),
  ),
  upgrade: Type.Optional(
    Type.Object(
      {
        ready_timeout: Type.Optional(
          Type.Number({
            exclusiveMinimum: 0,
            maximum: 3600,
            default: 60,
            description:
              'seconds for a new gateway process until all of its workers serve; it is ended when it takes longer, and the one before it goes on',
          }),
        ),
      },
      { ...strict, default: {} },
    ),
  ),
  server_header: Type.Optional(
    Type.Union([Type.Literal(false), Type.String({ pattern: '^[ -~]*$', minLength: 1 })], {
      default: 'sekisho',
      description: 'the Server header of answers that the gateway gives itself; false = none',
    }),
  ),
  trusted_addresses: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'proxies in front of this one, whose X-Forwarded-* headers are believed',
    }),
  ),
}

export const Settings = Type.Object(settingsFields, strict)
export type Settings = Static<typeof Settings>
