import { isVariable } from '../../variables/variables.ts'
import type { Upstream } from '../../resources/upstream.ts'
import type { Findings } from '../problem.ts'

const HASHABLE_NAME = /^[a-zA-Z0-9_-]+$/

/** What the schema cannot say of how a node is picked. */
export function checkBalancing(findings: Findings, upstream: Upstream, path: string): void {
  checkHashKey(findings, upstream, path)
  checkSticky(findings, upstream, path)
  checkSubset(findings, upstream, path)
  const { type, hash_balance_factor: factor, zone_aware: zoneAware, nodes } = upstream
  if (factor !== undefined && type !== 'chash') {
    findings.add({
      path: `${path}/hash_balance_factor`,
      atKey: true,
      message: 'has a meaning for the type "chash" only',
      remedy: 'remove it, or write "type: chash"',
    })
  }
  if (zoneAware === true && nodes !== undefined && !hasLabel(nodes, 'zone')) {
    findings.add({
      path: `${path}/zone_aware`,
      atKey: true,
      message: 'no node says in which zone it is',
      remedy: 'write nodes as a list, each with "metadata: { zone: NAME }"',
    })
  }
}

/** `chash` needs something to hash; what it may be depends on where it is looked for. */
function checkHashKey(findings: Findings, { type, hash_on = 'vars', key }: Upstream, path: string): void {
  if (type !== 'chash' || hash_on === 'consumer') return
  if (key === undefined) {
    findings.add({ path, message: '"type" is "chash", and "key" is missing', remedy: 'add "key", as "remote_addr"' })
    return
  }
  const place = { path: `${path}/key`, value: JSON.stringify(key) }
  if (hash_on === 'vars' && !isVariable(key) && key !== 'mqtt_client_id') {
    findings.add({
      ...place,
      message: 'is not a variable that can be hashed',
      remedy: 'write "remote_addr", "uri", "host", "arg_NAME" …, or set "hash_on" to "header" or "cookie"',
    })
  } else if ((hash_on === 'header' || hash_on === 'cookie') && !HASHABLE_NAME.test(key)) {
    findings.add({ ...place, message: `must be the name of a ${hash_on}` })
  } else if (hash_on === 'vars_combinations' && !key.includes('$')) {
    findings.add({ ...place, message: 'holds no variable', remedy: 'write as "$request_uri$remote_addr"' })
  }
}

/** Cookies are of HTTP; and a browser drops those that a page of another site may send without TLS. */
function checkSticky(findings: Findings, { sticky, scheme, type }: Upstream, path: string): void {
  if (sticky === undefined) return
  const meaningless = (message: string, remedy: string): void =>
    findings.add({ path: `${path}/sticky`, atKey: true, message, remedy })
  if (scheme === 'tcp' || scheme === 'tls' || scheme === 'udp') {
    meaningless(`there are no cookies in the scheme "${scheme}"`, 'remove it, or hash by "remote_addr"')
  } else if (type === 'chash') {
    meaningless('has no meaning for "chash": the key of a request decides where it goes', 'remove one of the two')
  }
  if (sticky.same_site === 'none' && sticky.secure !== true) {
    findings.add({
      path: `${path}/sticky/same_site`,
      value: '"none"',
      message: 'browsers drop such a cookie unless it is secure',
      remedy: 'add "secure: true"',
    })
  }
}

function checkSubset(findings: Findings, { subset, scheme, nodes }: Upstream, path: string): void {
  if (subset === undefined) return
  const place = `${path}/subset`
  if (scheme === 'tcp' || scheme === 'tls' || scheme === 'udp') {
    findings.add({
      path: place,
      atKey: true,
      message: `labels are asked for by requests, and the scheme "${scheme}" has none`,
      remedy: 'remove it',
    })
  }
  const { labels, fallback, default: asked } = subset
  if (fallback === 'default' && asked === undefined) {
    findings.add({ path: place, message: '"fallback" is "default", and "default" is missing', remedy: 'add "default"' })
  } else if (fallback !== 'default' && asked !== undefined) {
    findings.add({
      path: `${place}/default`,
      atKey: true,
      message: 'has a meaning with "fallback: default" only',
      remedy: 'write that, or remove it',
    })
  }
  for (const label of Object.keys(asked ?? {})) {
    if (Object.hasOwn(labels, label)) continue
    findings.add({
      path: `${place}/default/${label.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      atKey: true,
      message: 'is none of the "labels"',
      remedy: `write one of these: ${Object.keys(labels).join(', ')}`,
    })
  }
  for (const label of Object.keys(labels)) {
    if (nodes === undefined || hasLabel(nodes, label)) continue
    findings.add({
      path: `${place}/labels/${label.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      atKey: true,
      message: 'no node has this in its metadata',
      remedy: `write nodes as a list, some with "metadata: { ${label}: VALUE }"`,
    })
  }
}

const hasLabel = (nodes: NonNullable<Upstream['nodes']>, label: string): boolean =>
  Array.isArray(nodes) && nodes.some(({ metadata }) => metadata?.[label] !== undefined)
