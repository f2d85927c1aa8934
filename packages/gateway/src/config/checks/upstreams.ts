import { hostProblem, parseNodeAddress } from '../../resources/node-address.ts'
import { expandUpstream } from '../../resources/normalise-upstream.ts'
import { pemText } from '../../resources/pem.ts'
import type { EmbeddedUpstream, Upstream, UpstreamNodes } from '../../resources/upstream.ts'
import { type Findings, pointerPart, shortValue } from '../problem.ts'
import { checkBalancing } from './balancing.ts'
import { checkHealth } from './health.ts'
import { checkOverload } from './overload.ts'
import { checkAuthorities, checkPair } from './certificates.ts'

/** What the schema of an upstream cannot say. */
export function checkUpstream(findings: Findings, upstream: EmbeddedUpstream, path: string): void {
  if (typeof upstream === 'string') return checkShortForm(findings, upstream, path)
  if (upstream.nodes !== undefined) checkNodes(findings, upstream.nodes, `${path}/nodes`)
  checkFunction(findings, upstream, path)
  checkBalancing(findings, upstream, path)
  checkSupport(findings, upstream, path)
  checkHealth(findings, upstream, path)
  checkOverload(findings, upstream, path)
  if (upstream.pass_host === 'rewrite' && upstream.upstream_host === undefined) {
    findings.add({
      path,
      message: '"pass_host" is "rewrite", and "upstream_host" is missing',
      remedy: 'add "upstream_host"',
    })
  }
  checkUpstreamTls(findings, upstream.tls ?? {}, `${path}/tls`)
}

function checkUpstreamTls(findings: Findings, tls: NonNullable<Upstream['tls']>, path: string): void {
  const { ca, client_cert: cert, client_key: key, verify } = tls
  if (ca !== undefined) checkAuthorities(findings, pemText(ca), `${path}/ca`)
  if (cert !== undefined && key !== undefined)
    checkPair(findings, pemText(cert), pemText(key), `${path}/client_cert`, `${path}/client_key`)
  if (ca !== undefined && verify === false) {
    findings.add({
      path: `${path}/ca`,
      atKey: true,
      message: 'has no meaning with "verify: false"',
      remedy: 'remove one of the two',
    })
  }
}

/** The pattern lets any five digits pass as a port. */
function checkShortForm(findings: Findings, upstream: string, path: string): void {
  if (upstream.startsWith('function:')) return
  const [address = ''] = Object.keys(expandUpstream(upstream).nodes ?? {})
  const parsed = parseNodeAddress(address)
  if (typeof parsed === 'string') findings.add({ path, value: JSON.stringify(upstream), message: parsed })
}

function checkNodes(findings: Findings, nodes: UpstreamNodes, path: string): void {
  if (Array.isArray(nodes)) {
    for (const [index, node] of nodes.entries()) {
      const message = hostProblem(node.host)
      if (message !== undefined) {
        findings.add({ path: `${path}/${index}/host`, value: shortValue(node.host), message })
      }
    }
    return
  }
  for (const address of Object.keys(nodes)) {
    const parsed = parseNodeAddress(address)
    if (typeof parsed !== 'string') continue
    findings.add({
      path: `${path}/${pointerPart(address)}`,
      atKey: true,
      value: shortValue(address),
      message: parsed,
      remedy: 'write "HOST:PORT": WEIGHT',
    })
  }
}

/** What the nodes of other upstreams are told means nothing to a function. */
const NOT_OF_FUNCTIONS = [
  'scheme',
  'hash_on',
  'key',
  'checks',
  'outlier_detection',
  'slow_start',
  'healthy_panic_threshold',
  'hash_balance_factor',
  'sticky',
  'zone_aware',
  'overprovisioning_factor',
  'subset',
  'retry',
  'hedge',
  'circuit_breakers',
  'adaptive_concurrency',
  'pass_host',
  'upstream_host',
  'retries',
] as const

function checkFunction(findings: Findings, upstream: Upstream, path: string): void {
  const { type, function: name } = upstream
  if (name === undefined) {
    if (type === 'function') {
      findings.add({ path, message: '"type" is "function", and "function" is missing', remedy: 'add its name' })
    }
    return
  }
  if (type !== undefined && type !== 'function') {
    findings.add({ path: `${path}/type`, value: JSON.stringify(type), message: 'is of nodes', remedy: 'remove it' })
  }
  for (const field of NOT_OF_FUNCTIONS) {
    if (upstream[field] === undefined) continue
    findings.add({
      path: `${path}/${field}`,
      atKey: true,
      message: 'has no meaning for a function',
      remedy: 'remove it',
    })
  }
}

const SERVED: ReadonlySet<string> = new Set(['http', 'https', 'grpc', 'grpcs', 'tcp', 'tls', 'udp'])

/** What a later version will serve is refused, not accepted and ignored. */
function checkSupport(findings: Findings, { scheme }: Upstream, path: string): void {
  if (scheme !== undefined && !SERVED.has(scheme)) {
    findings.add({
      path: `${path}/scheme`,
      value: JSON.stringify(scheme),
      message: 'upstreams of this scheme are not in this version',
      remedy: 'write "http" or "https", or for HTTP/2 "grpc" or "grpcs"',
    })
  }
}
