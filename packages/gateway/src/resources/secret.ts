import { type Static, type TSchema, Type } from '../schema/type.ts'
import { timestamps } from './metadata.ts'
import { Pem } from './pem.ts'

export const SECRET_MANAGERS = ['vault', 'aws', 'gcp'] as const
export type SecretManagerName = (typeof SECRET_MANAGERS)[number]

const SecretId = Type.String({
  pattern: `^(${SECRET_MANAGERS.join('|')})/[a-zA-Z0-9_.-]{1,64}$`,
  patternErrorMessage: 'must be the manager and a name, as "vault/1"; managers are vault, aws and gcp',
  description: 'the manager and a name: `vault/1`',
})

const text = (description: string, more: object = {}) => Type.String({ minLength: 1, description, ...more })

const address = (description: string, more: object = {}) =>
  Type.String({
    pattern: '^(https?://[^\\s/?#@]+(/[^\\s?#]*)?|\\$(env|file)://.+)$',
    patternErrorMessage: 'must be an address such as "https://vault.example.com:8200"',
    description,
    ...more,
  })

/** What all managers have. */
const reading = {
  id: SecretId,
  timeout: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, maximum: 30, default: 3, description: 'seconds for one answer' }),
  ),
  refresh: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 86_400, default: 300, description: 'seconds until secrets are read again' }),
  ),
  ...timestamps,
}

const ca = Type.Optional(Pem('authorities that may sign its certificate, in place of those of Node.js'))

/** HashiCorp Vault and OpenBao: the key/value engine, version 1 and 2. */
export const VaultSecret = Type.Object(
  {
    ...reading,
    uri: address('where Vault is'),
    prefix: text('what paths begin with, the mount first: `kv/apisix`', {
      pattern: '^/?[^\\s/?#%]+(/[^\\s/?#%]+)*/?$',
      patternErrorMessage: 'must be a path such as "kv/apisix"',
    }),
    token: text('better `$env://NAME` or `$file://PATH` than the token itself'),
    namespace: Type.Optional(text('of Vault Enterprise, or OpenBao')),
    kv_version: Type.Optional(
      Type.Enum([1, 2], { default: 1, description: '2: `data` goes between the mount and the rest of the path' }),
    ),
    ca,
  },
  { additionalProperties: false },
)
export type VaultSecret = Static<typeof VaultSecret>

/** AWS Secrets Manager. */
export const AwsSecret = Type.Object(
  {
    ...reading,
    access_key_id: text('better `$env://NAME` than the key itself'),
    secret_access_key: text('better `$env://NAME` than the key itself'),
    session_token: Type.Optional(text('of temporary credentials')),
    region: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9-]{1,32}$',
        patternErrorMessage: 'must be a region such as "eu-central-1"',
        default: 'us-east-1',
        description: 'where the secrets are',
      }),
    ),
    endpoint_url: Type.Optional(address('left out: `https://secretsmanager.REGION.amazonaws.com`')),
    ca,
  },
  { additionalProperties: false },
)
export type AwsSecret = Static<typeof AwsSecret>

/** Google Cloud Secret Manager. */
export const GcpSecret = Type.Object(
  {
    ...reading,
    auth_config: Type.Object(
      {
        client_email: text('of the service account'),
        private_key: text('of the service account, PEM; better `$env://NAME` or `$file://PATH` than the key itself'),
        project_id: Type.String({
          pattern: '^[a-zA-Z0-9:._-]+$',
          patternErrorMessage: 'must be the id of a project',
          description: 'project that has the secrets',
        }),
        token_uri: Type.Optional(address('gives access tokens', { default: 'https://oauth2.googleapis.com/token' })),
        entries_uri: Type.Optional(
          address('where the secrets are', { default: 'https://secretmanager.googleapis.com/v1' }),
        ),
        scope: Type.Optional(
          Type.Array(Type.String({ minLength: 1 }), {
            minItems: 1,
            default: ['https://www.googleapis.com/auth/cloud-platform'],
            description: 'what access tokens are asked for',
          }),
        ),
      },
      { additionalProperties: false, description: 'what stands in the key file of a service account' },
    ),
    ca,
  },
  { additionalProperties: false },
)
export type GcpSecret = Static<typeof GcpSecret>

/** The schema of each manager: what a secret of it has beside its id. */
export const managerSchemas: Readonly<Record<SecretManagerName, TSchema>> = {
  vault: VaultSecret,
  aws: AwsSecret,
  gcp: GcpSecret,
}

/** Where `$secret://MANAGER/NAME/…` is read. The fields are those of the manager, and are checked against its own schema. */
export const Secret = Type.Object({ id: SecretId }, { additionalProperties: true })
export type Secret = { readonly id: string } & Readonly<Record<string, unknown>>

/** `vault` of `vault/1`. */
export const managerOf = (id: string): SecretManagerName | undefined =>
  SECRET_MANAGERS.find((name) => id.startsWith(`${name}/`))
