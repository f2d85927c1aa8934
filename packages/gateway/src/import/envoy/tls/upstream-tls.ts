import { defined, type Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'
import { readAuthorities, readKeyPairs, readValidation } from './certificates.ts'
import type { Secrets } from './secrets.ts'

/** TLS to an upstream. */
export interface UpstreamTls {
  /** `tls` of the upstream. */
  readonly fields: Fields
  readonly notes: readonly string[]
}

/** Reads the transport socket of a cluster; undefined for one without TLS. */
export function readUpstreamTls(cluster: Message, secrets: Secrets): UpstreamTls | undefined {
  const socket = cluster.message('transport_socket')
  socket?.ignore('name')
  const context = socket?.message('typed_config')
  if (socket === undefined || context === undefined || context.type === 'RawBuffer') return undefined
  if (context.type !== 'UpstreamTlsContext') {
    socket.loseAll(`${context.type} is not in this version`)
    return undefined
  }
  const common = context.message('common_tls_context')
  // Which protocols are offered is settled by the scheme.
  common?.strings('alpn_protocols')
  context.ignore('auto_host_sni', 'auto_sni_san_validation')
  const sni = context.string('sni')
  const [pair, ...others] = readKeyPairs(common, secrets)
  if (others.length > 0) common?.lose('tls_certificates', 'an upstream is shown one certificate')
  const validation = readValidation(common, secrets)
  const notes = validation === undefined ? unverified(socket) : []
  const fields = defined({
    client_cert: pair?.cert,
    client_key: pair?.key,
    ca: validation && readVerification(validation, sni),
    sni,
  })
  return { fields, notes }
}

function unverified(socket: Message): string[] {
  socket.warn(
    undefined,
    'Envoy does not verify the certificate of this upstream, because it has no validation_context. Sekisho does',
  )
  return ['Envoy did not verify the certificate. If it cannot be verified, give `tls.ca` its authority.']
}

/** Returns the authorities to trust. */
function readVerification(validation: Message, sni: string | undefined): ReturnType<typeof readAuthorities> {
  validation.ignore('system_root_certs')
  const names = validation.messages('match_typed_subject_alt_names').map((matcher) => ({
    type: matcher.enumeration('san_type'),
    exact: matcher.message('matcher')?.string('exact'),
  }))
  // The certificate must be for the server name here, too. Any other list of names is another check.
  if (names.some(({ type, exact }) => type !== 'DNS' || exact === undefined || exact !== sni)) {
    validation.lose(
      'match_typed_subject_alt_names',
      'the certificate must be for the name in `tls.sni`, or of the node',
    )
  }
  if (validation.enumeration('trust_chain_verification') === 'ACCEPT_UNTRUSTED')
    validation.lose('trust_chain_verification', 'untrusted certificates are refused')
  return readAuthorities(validation)
}
