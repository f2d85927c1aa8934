import { parseCidr } from '../../addresses/index.ts'
import { parseNodeAddress } from '../../resources/node-address.ts'
import { expandStreamUpstream, isStreamScheme } from '../../resources/normalise-stream-route.ts'
import { withDefaults } from '../../resources/defaults.ts'
import type { PluginMeta, PluginSet } from '../../resources/plugin-set.ts'
import type { Route } from '../../resources/route.ts'
import type { StreamRoute } from '../../resources/stream-route.ts'
import type { Upstream } from '../../resources/upstream.ts'
import { STREAM_VARIABLES, streamVariable } from '../../stream/stream-variables.ts'
import { valueAt } from '../explain/schema-node.ts'
import { pointerPart, shortValue, type Findings } from '../problem.ts'
import { checkService } from './discovery.ts'
import type { CheckContext, Entry } from './entry.ts'
import { finalUpstream, type FinalUpstream, serviceOf } from './final-upstream.ts'
import { checkPluginSet } from './plugin-set.ts'
import { reasonOf } from './reason.ts'
import { checkUpstream } from './upstreams.ts'

/** What the schema of a stream route cannot say. */
export function checkStreamRoute(context: CheckContext, { path }: Entry, route: StreamRoute): void {
  const { findings } = context
  const { remote_addr, remote_addrs, server_addr, upstream, plugins } = route
  checkNetwork(findings, remote_addr, `${path}/remote_addr`)
  remote_addrs?.forEach((one, index) => checkNetwork(findings, one, `${path}/remote_addrs/${index}`))
  checkNetwork(findings, server_addr, `${path}/server_addr`)
  checkListener(context, route, path)
  if (typeof upstream === 'string') checkShortForm(findings, upstream, `${path}/upstream`)
  else if (upstream !== undefined) {
    checkService(context, upstream, `${path}/upstream`)
    checkUpstream(findings, upstream, `${path}/upstream`)
    checkHttpFields(findings, upstream, `${path}/upstream`)
  }
  if (plugins === undefined) return
  checkPluginSet(context, plugins, `${path}/plugins`)
  checkStreamPlugins(context, plugins, `${path}/plugins`)
}

function checkNetwork(findings: Findings, network: string | undefined, path: string): void {
  if (network === undefined) return
  try {
    parseCidr(network)
  } catch (error) {
    findings.add({ path, value: shortValue(network), ...reasonOf(error, network) })
  }
}

/** A route that no listener can bring anything to is a mistake. Port 0 becomes some port, which nobody knows here. */
function checkListener(
  { settings, findings }: CheckContext,
  { server_port: port, sni, snis, tls }: StreamRoute,
  path: string,
): void {
  if (settings.listen === undefined) return
  const listeners = settings.listen.filter(({ protocol }) => protocol !== 'http')
  if (listeners.length === 0) {
    findings.add({
      path,
      message: 'no listener has "protocol: tcp" or "protocol: udp"',
      remedy: 'add one to "listen", as { address: 9100, protocol: tcp }',
    })
    return
  }
  const there = port === undefined ? listeners : listeners.filter((one) => one.port === port || one.port === 0)
  if (there.length === 0) {
    findings.add({
      path: `${path}/server_port`,
      value: String(port),
      message: 'no listener for TCP or UDP has this port',
      remedy: `add { address: ${port}, protocol: tcp } to "listen"`,
    })
    return
  }
  if (there.some((one) => one.passthrough || one.tls !== undefined)) return
  for (const [field, value] of Object.entries({ sni, snis, tls })) {
    if (value === undefined) continue
    findings.add({
      path: `${path}/${field}`,
      value: shortValue(value),
      message: 'needs a listener with TLS',
      remedy: 'add "tls: true" or "tls: passthrough" to the listener',
    })
  }
}

/** The pattern lets any five digits pass as a port. */
function checkShortForm(findings: Findings, upstream: string, path: string): void {
  const [address = ''] = Object.keys(expandStreamUpstream(upstream).nodes ?? {})
  const parsed = parseNodeAddress(address)
  if (typeof parsed === 'string') findings.add({ path, value: JSON.stringify(upstream), message: parsed })
}

/** Of an upstream that serves nothing else. */
function checkHttpFields(findings: Findings, upstream: Upstream, path: string): void {
  for (const field of ['pass_host', 'upstream_host', 'keepalive_pool'] as const) {
    if (upstream[field] === undefined) continue
    const remedy = field === 'keepalive_pool' ? 'remove it' : 'remove it; the server name of TLS is "tls.sni"'
    findings.add({ path: `${path}/${field}`, atKey: true, message: 'has no meaning on a stream route', remedy })
  }
}

function checkStreamPlugins({ plugins: lookup, findings }: CheckContext, plugins: PluginSet, base: string): void {
  for (const [name, { _meta: meta, ...config }] of Object.entries(plugins)) {
    const plugin = lookup.get(name)
    if (plugin === undefined) continue
    const path = `${base}/${pointerPart(name)}`
    if (plugin.streams !== true) {
      findings.add({
        path,
        atKey: true,
        message: `plugin "${name}" works on requests, and a stream route has none`,
        remedy: `plugins of stream routes: ${streamPlugins(lookup)}`,
      })
      continue
    }
    for (const field of ['filter', 'error_response'] as const) {
      if ((meta as PluginMeta | undefined)?.[field] === undefined) continue
      findings.add({
        path: `${path}/_meta/${field}`,
        atKey: true,
        message: 'has no meaning on a stream route',
        remedy: 'remove it',
      })
    }
    if ((meta as PluginMeta | undefined)?.disable === true || plugin.checkStream === undefined) continue
    const found = plugin.checkStream(withDefaults(plugin.schema, config))
    if (found === undefined) continue
    const value = shortValue(valueAt(config, found.path))
    findings.add({ path: path + found.path, value, ...reasonOf(found.message) })
  }
}

const streamPlugins = (lookup: CheckContext['plugins']): string =>
  lookup
    .names()
    .filter((name) => lookup.get(name)?.streams === true)
    .join(', ')

/** HTTP routes need upstreams that speak HTTP, stream routes those that take bytes; who says no `scheme` serves both. */
export function checkUpstreamScheme(context: CheckContext, { kind, item, path }: Entry): void {
  if (kind !== 'routes' && kind !== 'stream_routes') return
  const { known, findings } = context
  const route = item as Route | StreamRoute
  const found = finalUpstream(route, kind, known)
  if (kind === 'stream_routes') {
    const service = serviceOf(route, known)
    if (found !== undefined) checkStreamUse(findings, route as StreamRoute, found, path)
    if (service?.plugins !== undefined) checkServicePlugins(context, service.plugins, path)
  } else if (found !== undefined && isStreamScheme(found.upstream.scheme)) {
    findings.add({
      path: `${path}/${found.field}`,
      message: `the upstream's scheme is "${found.upstream.scheme}", and a route needs one that speaks HTTP`,
      remedy: 'write "http", "https", "grpc" or "grpcs" there, or make this a stream route',
    })
  }
}

function checkStreamUse(
  findings: Findings,
  route: StreamRoute,
  { upstream, field }: FinalUpstream,
  path: string,
): void {
  const { scheme, type, hash_on: hashOn = 'vars', key } = upstream
  const place = `${path}/${field}`
  if (upstream.function !== undefined) {
    findings.add({
      path: place,
      message: 'the upstream is a function, which is asked over HTTP',
      remedy: 'use a route',
    })
  }
  if (scheme !== undefined && !isStreamScheme(scheme)) {
    findings.add({
      path: place,
      message: `the upstream's scheme is "${scheme}", and a stream route needs "tcp", "tls" or "udp"`,
      remedy: 'write one of these there, or leave "scheme" out',
    })
  }
  if (type === 'chash' && (hashOn !== 'vars' || streamVariable(key ?? '') === undefined)) {
    findings.add({
      path: place,
      message: 'the upstream hashes what only requests have',
      remedy: `write "hash_on: vars" and one of these as "key": ${STREAM_VARIABLES.join(', ')}`,
    })
  }
  const portless = nodesOf(upstream).find((address) => parsePort(address) === undefined)
  if (portless !== undefined && scheme !== 'tls') {
    findings.add({
      path: place,
      message: `the node "${portless}" of the upstream has no port`,
      remedy: 'write "HOST:PORT"; only HTTP and TLS have a usual one',
    })
  }
  const wrong = (name: keyof StreamRoute, other: string): void => {
    if (route[name] === undefined) return
    findings.add({
      path: `${path}/${name}`,
      atKey: true,
      message: `has no meaning with an upstream of the scheme "${scheme}"`,
      remedy: `remove it; it is for ${other}`,
    })
  }
  if (scheme === 'udp') for (const name of ['sni', 'snis', 'tls', 'proxy_protocol'] as const) wrong(name, 'TCP')
  else if (scheme !== undefined) wrong('responses', 'UDP')
  if (scheme === 'tls' && route.tls === 'passthrough') {
    findings.add({
      path: `${path}/tls`,
      value: '"passthrough"',
      message: 'and an upstream of the scheme "tls" would be TLS within TLS',
      remedy: 'write "tcp" there: the bytes that pass through are TLS already',
    })
  }
}

function nodesOf({ nodes = {} }: Upstream): string[] {
  if (!Array.isArray(nodes)) return Object.keys(nodes)
  return nodes.map(({ host, port }) => (port === undefined ? host : `${host}:${port}`))
}

/** undefined: none is written. Other mistakes are somebody else's to tell. */
function parsePort(address: string): number | undefined {
  const parsed = parseNodeAddress(address)
  return typeof parsed === 'string' ? 0 : parsed.port
}

function checkServicePlugins({ plugins: lookup, findings }: CheckContext, plugins: PluginSet, path: string): void {
  for (const name of Object.keys(plugins)) {
    const plugin = lookup.get(name)
    if (plugin === undefined || plugin.streams === true) continue
    findings.add({
      path: `${path}/service_id`,
      message: `the service has the plugin "${name}", which works on requests, and a stream route has none`,
      remedy: 'refer to the upstream by "upstream_id"',
    })
  }
}
