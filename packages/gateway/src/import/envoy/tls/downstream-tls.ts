import { defined, type Fields } from '../output/draft.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'
import { readAuthorities, readKeyPairs, readValidation } from './certificates.ts'

/** TLS towards clients, on one filter chain. */
export interface DownstreamTls {
  /** An ssl resource without its id; undefined when there is no certificate to be had. */
  readonly ssl: Fields | undefined
  readonly http2: boolean
}

/** Reads the transport socket of a filter chain; undefined for one without TLS. */
export function readDownstreamTls(
  chain: Message,
  serverNames: readonly string[],
  context: ImportContext,
): DownstreamTls | undefined {
  const socket = chain.message('transport_socket')
  socket?.ignore('name')
  const config = socket?.message('typed_config')
  if (socket === undefined || config === undefined || config.type === 'RawBuffer') return undefined
  if (config.type !== 'DownstreamTlsContext') {
    socket.loseAll(`${config.type} is not in this version`)
    return undefined
  }
  const common = config.message('common_tls_context')
  const protocols = common?.strings('alpn_protocols') ?? []
  const [pair, ...others] = readKeyPairs(common, context.secrets)
  if (config.boolean('require_sni') === true && serverNames.length === 0)
    config.lose('require_sni', 'a certificate for "*" is also shown to clients that name no server')
  const ssl =
    pair &&
    defined({
      cert: pair.cert,
      key: pair.key,
      certs: others.length === 0 ? undefined : others.map(({ cert }) => cert),
      keys: others.length === 0 ? undefined : others.map(({ key }) => key),
      snis: serverNames.length === 0 ? ['*'] : [...serverNames],
      client: readClient(config, common, context),
      ssl_protocols: common && readVersions(common.message('tls_params')),
    })
  if (ssl === undefined) socket.warn(undefined, 'has no certificate that could be carried over')
  return { ssl, http2: protocols.length === 0 || protocols.includes('h2') }
}

/** Client certificates are asked of everybody here, or of nobody. */
function readClient(config: Message, common: Message | undefined, context: ImportContext): Fields | undefined {
  const isRequired = config.boolean('require_client_certificate') ?? false
  const validation = readValidation(common, context.secrets)
  if (validation === undefined) {
    if (isRequired) config.lose('require_client_certificate', 'needs a validation_context with trusted_ca')
    return undefined
  }
  const ca = readAuthorities(validation)
  if (!isRequired) {
    validation.loseAll('client certificates are asked of every client, or of none')
    return undefined
  }
  if (ca === undefined) {
    config.lose('require_client_certificate', 'needs a trusted_ca of its own')
    return undefined
  }
  return defined({ ca, depth: validation.number('max_verify_depth') })
}

const VERSIONS = ['TLSv1.2', 'TLSv1.3']

/** `ssl_protocols`; undefined for the default, which is TLS 1.2 and 1.3 as in Envoy. */
function readVersions(params: Message | undefined): string[] | undefined {
  if (params === undefined) return undefined
  const least = params.enumeration('tls_minimum_protocol_version') ?? 'TLS_AUTO'
  const most = params.enumeration('tls_maximum_protocol_version') ?? 'TLS_AUTO'
  if (least === 'TLSV1_0' || least === 'TLSV1_1')
    params.lose('tls_minimum_protocol_version', 'TLS 1.2 is the least: the versions before it are broken')
  const from = least === 'TLSV1_3' ? 1 : 0
  const to = most === 'TLSV1_2' ? 1 : 2
  const versions = VERSIONS.slice(from, to)
  return versions.length === VERSIONS.length || versions.length === 0 ? undefined : versions
}
