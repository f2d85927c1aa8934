import { defined } from '../output/draft.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'
import { serverNameCondition } from '../routes/domains.ts'
import type { Condition } from '../routes/text-test.ts'
import { type DownstreamTls, readDownstreamTls } from '../tls/downstream-tls.ts'
import { readListenAddress } from './address.ts'
import { type ChainMatch, readChainMatch } from './filter-chain.ts'
import { type HttpSite, readHttpConnectionManager } from './http-connection-manager.ts'
import { type ImportedStream, readTcpProxy } from './tcp-proxy.ts'

/** What the listeners of a file serve. */
export interface Served {
  readonly sites: HttpSite[]
  readonly streams: ImportedStream[]
}

interface Chain {
  readonly message: Message
  readonly match: ChainMatch
  readonly tls: DownstreamTls | undefined
}

/** @param isOnly no other listener serves HTTP, so that its routes need not name its port */
export function readListener(listener: Message, isOnly: boolean, served: Served, context: ImportContext): void {
  const name = listener.string('name') ?? 'listener'
  listener.ignore('stat_prefix', 'traffic_direction', 'enable_reuse_port')
  if (listener.has('udp_listener_config') || listener.has('api_listener')) {
    listener.loseAll('listeners are for HTTP and TCP')
    return
  }
  const proxyProtocol = readListenerFilters(listener)
  const address = readListenAddress(listener)
  if (address === undefined) return
  const chains = readChains(listener, context)
  const isHttp = chains.some(({ message }) => kindOf(message) === 'http')
  const isTcp = chains.some(({ message }) => kindOf(message) === 'tcp')
  if (!isHttp && !isTcp) return
  const secure = chains.filter(({ tls }) => tls !== undefined)
  if (secure.length > 0 && secure.length < chains.length && isHttp)
    listener.warn(undefined, 'has filter chains with TLS and without: all of them are with TLS now')
  const kind = isHttp ? undefined : 'tcp'
  // Streams that are told apart by their server name, and whose TLS Envoy leaves alone.
  const passes = !isHttp && secure.length === 0 && chains.some(({ match }) => match.serverNames.length > 0)
  const tls = secure.length > 0 ? true : passes ? 'passthrough' : undefined
  const http2 = secure.some(({ tls: one }) => one?.http2 === false) ? false : undefined
  const options = defined({
    protocol: kind,
    proxy_protocol: proxyProtocol,
    tls,
    http2: tls === true && isHttp ? http2 : undefined,
  })
  context.draft.listen.push(
    Object.keys(options).length === 0 ? address.written : { address: address.written, ...options },
  )
  for (const { tls: one } of secure) {
    if (one?.ssl !== undefined)
      context.draft.ssls.push({ fields: { id: context.sslIds.take(name, 'ssl'), ...one.ssl }, notes: [] })
  }
  const place: Place = { port: address.port, isOnly, isOnlyChain: chains.length === 1 }
  for (const chain of chains) readChain(chain, place, served, context)
}

const kindOf = (chain: Message): string | undefined => {
  const types = chain.messages('filters').map((filter) => filter.message('typed_config')?.type)
  return types.includes('HttpConnectionManager') ? 'http' : types.includes('TcpProxy') ? 'tcp' : undefined
}

function readChains(listener: Message, context: ImportContext): Chain[] {
  const last = listener.message('default_filter_chain')
  const messages = [...listener.messages('filter_chains'), ...(last === undefined ? [] : [last])]
  return messages.flatMap((message) => {
    message.ignore('name')
    const match = readChainMatch(message)
    if (!match.isWhole) {
      message.loseAll('the filter chain is left out: it would serve other connections, too')
      return []
    }
    return [{ message, match, tls: readDownstreamTls(message, match.serverNames, context) }]
  })
}

interface Place {
  readonly port: number | undefined
  readonly isOnly: boolean
  readonly isOnlyChain: boolean
}

function readChain({ message, match }: Chain, place: Place, served: Served, context: ImportContext): void {
  const conditions: Condition[] = []
  if (!place.isOnly && place.port !== undefined) conditions.push(['server_port', '==', place.port])
  if (!place.isOnlyChain && match.serverNames.length > 0) conditions.push(serverNameCondition(match.serverNames))
  for (const filter of message.messages('filters')) {
    filter.ignore('name')
    const config = filter.message('typed_config')
    if (config?.type === 'HttpConnectionManager')
      served.sites.push(readHttpConnectionManager(config, conditions, context))
    else if (config?.type === 'TcpProxy') {
      const stream = readTcpProxy(config, place.port, match.serverNames, context)
      if (stream !== undefined) served.streams.push(stream)
    } else filter.loseAll('connections are HTTP or plain TCP')
  }
}

/** What looks at the first bytes of a connection is part of every listener here. */
const BUILT_IN = new Set(['TlsInspector', 'HttpInspector'])

/** @returns `proxy_protocol` of the listener; undefined for none */
function readListenerFilters(listener: Message): string | undefined {
  let proxyProtocol: string | undefined
  for (const filter of listener.messages('listener_filters')) {
    filter.ignore('name')
    const config = filter.message('typed_config')
    const type = config?.type ?? ''
    if (BUILT_IN.has(type) || filter.string('name') === 'envoy.filters.listener.tls_inspector') filter.settle()
    else if (config !== undefined && type === 'ProxyProtocol') {
      config.ignore('stat_prefix')
      proxyProtocol = config.boolean('allow_requests_without_proxy_protocol') === true ? 'optional' : 'required'
    } else filter.loseAll('')
  }
  return proxyProtocol
}
