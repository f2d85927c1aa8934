import type { Message } from '../reader/message.ts'

/** Which connections a filter chain is for. */
export interface ChainMatch {
  /** Server names (TLS); none: any. */
  readonly serverNames: readonly string[]
  /** Nothing of it could be overlooked. */
  readonly isWhole: boolean
}

const ANY: ChainMatch = { serverNames: [], isWhole: true }

const OTHERS = [
  'destination_port',
  'prefix_ranges',
  'address_suffix',
  'suffix_len',
  'direct_source_prefix_ranges',
  'source_type',
  'source_prefix_ranges',
  'source_ports',
]

/** Reads a FilterChainMatch. */
export function readChainMatch(chain: Message): ChainMatch {
  const match = chain.message('filter_chain_match')
  if (match === undefined) return ANY
  const serverNames = match.strings('server_names').map((name) => name.toLowerCase())
  const transport = match.string('transport_protocol') ?? ''
  let isWhole = true
  if (transport === 'raw_buffer') {
    match.lose('transport_protocol', 'a listener is with TLS or without')
    isWhole = false
  }
  // Which protocol is spoken is settled after the handshake, on one listener for all.
  match.strings('application_protocols')
  for (const name of OTHERS) {
    if (!match.has(name)) continue
    match.lose(name, 'connections are told apart by their server name alone')
    isWhole = false
  }
  return { serverNames, isWhole }
}
