import type { Fields } from '../../output/noted.ts'
import type { ImportContext, Resource } from '../import-context.ts'
import { isFields } from '../source/source-item.ts'

/** Those of APISIX's built-in `config.yaml`. */
const HTTP_PORT = 9080
const TLS_PORT = 9443
/** What its documentation uses for streams. */
const STREAM_PORT = 9100

/** Listeners for what was read: those of APISIX stand in its `config.yaml`. */
export function listeners({ resources, report }: ImportContext): unknown[] {
  const list: unknown[] = [HTTP_PORT]
  if (resources.some(isServerCertificate)) list.push({ address: TLS_PORT, tls: true })
  const streams = new Map<string, Fields>()
  for (const route of resources.filter(({ kind }) => kind === 'stream_routes')) {
    const port = typeof route.fields['server_port'] === 'number' ? route.fields['server_port'] : STREAM_PORT
    if (route.fields['server_port'] === undefined)
      report.warnOnce(
        'stream port',
        route.path,
        `takes connections to any port of "stream_proxy". ${STREAM_PORT} is written`,
      )
    const protocol = schemeOf(route, resources) === 'udp' ? 'udp' : 'tcp'
    const listener: Fields = streams.get(`${protocol} ${port}`) ?? { address: port, protocol }
    if (route.fields['sni'] !== undefined) listener['tls'] = true
    streams.set(`${protocol} ${port}`, listener)
  }
  return [...list, ...streams.values()]
}

/** Of a TLS listener; a stream route by name needs one as well. */
const isServerCertificate = ({ kind, fields }: Resource): boolean => kind === 'ssls' && fields['type'] !== 'client'

function schemeOf({ fields }: Resource, resources: readonly Resource[]): unknown {
  const { upstream, upstream_id: id, service_id: service } = fields
  if (isFields(upstream)) return upstream['scheme']
  const find = (kind: string, wanted: unknown): Resource | undefined =>
    resources.find((one) => one.kind === kind && String(one.fields['id']) === String(wanted))
  if (id !== undefined) return find('upstreams', id)?.fields['scheme']
  const found = service === undefined ? undefined : find('services', service)
  return found === undefined ? undefined : schemeOf(found, resources)
}

/** What is said once of all listeners. */
export function noteOnListeners({ resources }: ImportContext): string {
  const ports = resources.some(isServerCertificate)
    ? `${HTTP_PORT} and ${TLS_PORT} are its defaults`
    : `${HTTP_PORT} is its default`
  return `The listeners of APISIX stand in its config.yaml, which was not read: ${ports}.`
}
