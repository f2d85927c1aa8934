import { type Static, Type } from '../../schema/type.ts'

/** Directories that have a name (RFC 8555 section 7.1.1). */
export const ACME_DIRECTORIES: Readonly<Record<string, string>> = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
}

/** Certificates from an ACME authority, such as Let's Encrypt. */
export const Acme = Type.Object(
  {
    domains: Type.Array(
      Type.String({
        maxLength: 253,
        pattern: '^[0-9a-zA-Z_-]+(\\.[0-9a-zA-Z_-]+)+$',
        patternErrorMessage:
          'must be a full host name, as "www.example.com"; wildcards need DNS, which is not in this version',
      }),
      { minItems: 1, uniqueItems: true, description: 'host names; each one gets a certificate of its own' },
    ),
    email: Type.Optional(
      Type.String({
        pattern: '^[^@\\s]+@[^@\\s]+$',
        patternErrorMessage: 'must be an address for mail',
        description: 'where the authority writes to when something is wrong',
      }),
    ),
    agree_to_terms: Type.Literal(true, { description: 'you agree to the terms of service of the authority: `true`' }),
    directory: Type.Optional(
      Type.String({
        pattern: `^(${Object.keys(ACME_DIRECTORIES).join('|')}|https?://.+)$`,
        patternErrorMessage: 'must be "letsencrypt", "letsencrypt-staging" or the URL of a directory',
        default: 'letsencrypt',
        description: "`letsencrypt`, `letsencrypt-staging`, or the URL of another authority's directory",
      }),
    ),
    external_account: Type.Optional(
      Type.Object(
        {
          kid: Type.String({ minLength: 1, description: 'name of the key that the authority gave you' }),
          hmac_key: Type.String({ minLength: 1, description: 'the key, base64url' }),
        },
        { additionalProperties: false, description: 'for authorities that know their customers already' },
      ),
    ),
    storage: Type.Optional(
      Type.String({ minLength: 1, default: './data/acme', description: 'folder for the account and the certificates' }),
    ),
  },
  { additionalProperties: false, description: 'certificates that the gateway gets for itself, and renews' },
)

/** The setting, complete. */
export interface AcmeSettings {
  /** Lower case. */
  readonly domains: readonly string[]
  readonly email: string | undefined
  /** URL. */
  readonly directory: string
  readonly externalAccount: { readonly kid: string; readonly hmacKey: string } | undefined
  /** Absolute. */
  readonly storage: string
}

/** @param filled with its defaults @param at makes a path absolute */
export function acmeSettings(filled: Static<typeof Acme>, at: (path: string) => string): AcmeSettings {
  const { domains, email, directory = 'letsencrypt', external_account: account, storage = './data/acme' } = filled
  return {
    domains: domains.map((domain) => domain.toLowerCase()),
    email,
    directory: ACME_DIRECTORIES[directory] ?? directory,
    externalAccount: account && { kid: account.kid, hmacKey: account.hmac_key },
    storage: at(storage),
  }
}
