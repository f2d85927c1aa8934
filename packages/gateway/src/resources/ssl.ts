import { type Static, Type } from '../schema/type.ts'
import { notBoth } from './constraints.ts'
import { metadata } from './metadata.ts'
import { Pem } from './pem.ts'

/** `api.example.com`, `*.example.com` (one label in place of the star), or `*` for every name that has no other certificate. */
export const SNI_PATTERN = '^(\\*|(\\*\\.)?[0-9a-zA-Z_-]+(\\.[0-9a-zA-Z_-]+)*)$'

const Sni = Type.String({
  description: 'a host name, `*.example.com`, or `*` for every name without a certificate',
  maxLength: 253,
  pattern: SNI_PATTERN,
  patternErrorMessage: 'must be a host name, "*.example.com" (for one label), or "*" (for every other name)',
})

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** Certificates: what we show to clients for some names (`server`), or to upstreams (`client`). */
export const Ssl = Type.Object(
  {
    ...metadata,
    type: Type.Optional(
      Type.Enum(['server', 'client'], {
        default: 'server',
        description: '`server`: shown to clients. `client`: shown to upstreams that name it in `tls.client_cert_id`',
      }),
    ),
    cert: Pem('certificate, followed by its intermediates: PEM, `$env://NAME` or `{ file: PATH }`'),
    key: Pem('its private key, written in the same ways'),
    certs: Type.Optional(
      Type.Array(Pem(''), {
        minItems: 1,
        description: 'further certificates for the same names, with another kind of key: RSA and ECDSA side by side',
      }),
    ),
    keys: Type.Optional(Type.Array(Pem(''), { minItems: 1, description: 'their private keys, in the same order' })),
    sni: Type.Optional(Sni),
    snis: Type.Optional(Type.Array(Sni, { minItems: 1, uniqueItems: true, description: 'several of them' })),
    client: Type.Optional(
      Type.Object(
        {
          ca: Pem('authorities whose client certificates are accepted'),
          depth: Type.Optional(
            Type.Integer({
              minimum: 0,
              default: 1,
              description: 'intermediates between the certificate and an authority, at most',
            }),
          ),
          skip_mtls_uri_regex: Type.Optional(
            Type.Array(Type.String({ minLength: 1 }), {
              minItems: 1,
              uniqueItems: true,
              description: 'paths that need no certificate, as regular expressions',
            }),
          ),
        },
        { additionalProperties: false, description: 'asks clients for a certificate' },
      ),
    ),
    ssl_protocols: Type.Optional(
      Type.Array(Type.Enum(TLS_VERSIONS), {
        minItems: 1,
        uniqueItems: true,
        description: 'left out: TLS 1.2 and 1.3',
      }),
    ),
    ciphers: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4_096, description: 'cipher list in the format of OpenSSL' }),
    ),
    status: Type.Optional(Type.Enum([0, 1], { default: 1, description: '0 takes it out' })),
  },
  {
    additionalProperties: false,
    dependentRequired: { certs: ['keys'], keys: ['certs'] },
    allOf: [notBoth('an ssl', 'sni', 'snis')],
  },
)
export type Ssl = Static<typeof Ssl>
