import { type Static, Type } from '../../schema/type.ts'

const strict = { additionalProperties: false } as const
const text = (description: string) => Type.String({ minLength: 1, description })

const EtcdEndpoints = Type.Array(
  Type.String({
    pattern: '^(https?://)?([0-9a-zA-Z._-]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5}$',
    patternErrorMessage: 'must be "HOST:PORT", "http://HOST:PORT" or "https://HOST:PORT"',
  }),
  { minItems: 1, maxItems: 32, uniqueItems: true, description: 'of the members; one that answers is used' },
)

const EtcdTlsSetting = Type.Object(
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

/** Where an etcd is, and who we are to it. */
export const etcdFields = (prefix: string, prefixDescription: string) => ({
  endpoints: EtcdEndpoints,
  prefix: Type.Optional(
    Type.String({
      default: prefix,
      pattern: '^/[^\\s]*[^\\s/]$',
      patternErrorMessage: 'must begin with "/" and end with something else',
      description: prefixDescription,
    }),
  ),
  user: Type.Optional(text("of etcd's own users")),
  password: Type.Optional(text('better $env://NAME than the password itself')),
  tls: Type.Optional(EtcdTlsSetting),
})

/** For the object that has these fields. */
export const ETCD_USER_AND_PASSWORD = { dependentRequired: { user: ['password'], password: ['user'] } }

/** Files, by absolute paths. */
export interface EtcdTlsFiles {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly serverName: string | undefined
}

export interface EtcdAccess {
  readonly endpoints: readonly string[]
  readonly prefix: string
  readonly user: string | undefined
  readonly password: string | undefined
  readonly tls: EtcdTlsFiles | undefined
}

interface WrittenAccess {
  readonly endpoints: string[]
  readonly prefix?: string
  readonly user?: string
  readonly password?: string
  readonly tls?: Static<typeof EtcdTlsSetting>
}

/** @param at makes a path absolute */
export function etcdAccess(written: WrittenAccess, standard: string, at: (path: string) => string): EtcdAccess {
  const { endpoints, prefix = standard, user, password, tls } = written
  return { endpoints, prefix, user, password, tls: tls && tlsFiles(tls, at) }
}

function tlsFiles(tls: Static<typeof EtcdTlsSetting>, at: (path: string) => string): EtcdTlsFiles {
  const file = (path: string | undefined): string | undefined => (path === undefined ? undefined : at(path))
  return { ca: file(tls.ca), cert: file(tls.cert), key: file(tls.key), serverName: tls.server_name }
}
