import { join } from 'node:path'
import { type Static, Type } from '../../schema/type.ts'
import { type ListenAddress, parseListenAddress } from './listen.ts'

const strict = { additionalProperties: false } as const

const file = (description: string) => Type.String({ minLength: 1, description })

const AdminKey = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'who it is, for history and audit log' }),
    key: Type.String({ minLength: 1, description: 'better $env://NAME than the key itself' }),
    role: Type.Enum(['admin', 'viewer'], { description: '`viewer` may read, and sees no secrets' }),
  },
  strict,
)

/** The Admin API. */
export const Admin = Type.Object(
  {
    address: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0, maximum: 65535 }), Type.String({ minLength: 1 })], {
        default: '127.0.0.1:9180',
        description: 'where it listens',
      }),
    ),
    keys: Type.Optional(
      Type.Array(AdminKey, {
        default: [],
        description:
          'who may use it; without any, one is made at the first start, printed, and kept in `data/admin-key`',
      }),
    ),
    allow_admin: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description: 'addresses and networks of clients that may ask; left out: all that reach it',
      }),
    ),
    tls: Type.Optional(
      Type.Object(
        {
          cert: file('file with the certificate chain, PEM'),
          key: file('file with the private key, PEM'),
          ca: Type.Optional(file('authorities, PEM: clients must show a certificate that one of them signed')),
        },
        { ...strict, description: 'HTTPS instead of HTTP' },
      ),
    ),
    audit_log: Type.Optional(
      file('file that gets a line of JSON for each write; left out: such lines are in the error log'),
    ),
  },
  {
    ...strict,
    description: 'the Admin API; left out: none with a configuration file, the defaults with another store',
  },
)

export interface AdminKey {
  readonly name: string
  readonly key: string
  readonly role: 'admin' | 'viewer'
}

/** The setting, complete. Paths are absolute. */
export interface AdminSettings {
  readonly address: ListenAddress
  readonly keys: readonly AdminKey[]
  /** Where a key is kept that is made because there are none. */
  readonly keyFile: string
  readonly allowAdmin: readonly string[] | undefined
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string | undefined } | undefined
  readonly auditLog: string | undefined
}

/**
 * @param filled with its defaults
 * @param dataFolder where the node keeps what is its own
 * @param at makes a path absolute
 */
export function adminSettings(
  filled: Static<typeof Admin>,
  dataFolder: string,
  at: (path: string) => string,
): AdminSettings {
  const { address = '127.0.0.1:9180', keys = [], allow_admin: allowAdmin, tls, audit_log: auditLog } = filled
  const parsed = parseListenAddress(address)
  if (typeof parsed === 'string') throw new Error(`admin.address "${address}": ${parsed}`)
  return {
    address: parsed,
    keys: keys as readonly AdminKey[],
    keyFile: join(dataFolder, 'admin-key'),
    allowAdmin,
    tls: tls && { cert: at(tls.cert), key: at(tls.key), ca: tls.ca === undefined ? undefined : at(tls.ca) },
    auditLog: auditLog === undefined ? undefined : at(auditLog),
  }
}
