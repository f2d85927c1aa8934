import { pemOf, readDataSource } from '../reader/data-source.ts'
import type { Message } from '../reader/message.ts'
import type { Secrets } from './secrets.ts'

export type Pem = string | { readonly file: string }

export interface KeyPair {
  readonly cert: Pem
  readonly key: Pem
}

/** The certificates of a CommonTlsContext, those of secrets included. */
export function readKeyPairs(common: Message | undefined, secrets: Secrets): KeyPair[] {
  if (common === undefined) return []
  const referred = common
    .messages('tls_certificate_sds_secret_configs')
    .map((config) => secrets.named(config, 'tls_certificate'))
  return [...common.messages('tls_certificates'), ...referred.filter((secret) => secret !== undefined)].flatMap(
    readPair,
  )
}

function readPair(certificate: Message): KeyPair[] {
  if (certificate.has('password')) {
    certificate.lose('password', 'write the key without a password')
  }
  certificate.ignore('watched_directory')
  const cert = pemOf(readDataSource(certificate.message('certificate_chain')))
  const key = pemOf(readDataSource(certificate.message('private_key')))
  return cert === undefined || key === undefined ? [] : [{ cert, key }]
}

/** The validation context of a CommonTlsContext, wherever it stands. */
export function readValidation(common: Message | undefined, secrets: Secrets): Message | undefined {
  const own = common?.message('validation_context')
  if (own !== undefined) return own
  const referred = common?.message('validation_context_sds_secret_config')
  if (referred !== undefined) return secrets.named(referred, 'validation_context')
  return common?.message('combined_validation_context')?.message('default_validation_context')
}

/** Bundles of public authorities, which Node brings. */
const SYSTEM_BUNDLES = /^\/etc\/(ssl\/certs\/ca-certificates\.crt|ssl\/cert\.pem|pki\/tls\/certs\/ca-bundle\.crt)$/

/** The authorities of a validation context; undefined for those of the system. */
export function readAuthorities(validation: Message): Pem | undefined {
  const source = readDataSource(validation.message('trusted_ca'))
  if (source !== undefined && 'file' in source && SYSTEM_BUNDLES.test(source.file)) return undefined
  return pemOf(source)
}
