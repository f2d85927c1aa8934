import type { Consumer } from '../../consumers/consumer-directory.ts'
import type { GatewaySession } from '../../session.ts'
import { hasPassword, secretRule } from '../../config/secret-fields.ts'

export interface InputOptions {
  readonly with_route: boolean
  readonly with_service: boolean
  readonly with_consumer: boolean
}

/** Values by name; a name that came more than once has a list. */
type Values<T> = Record<string, T | T[]>

/** The input document for a policy, as APISIX's plugin makes it. */
export function opaInput(session: GatewaySession, options: InputOptions): object {
  const { ctx, request, secure, localPort } = session
  const { plan, consumer } = ctx
  return {
    type: 'http',
    request: {
      scheme: secure ? 'https' : 'http',
      method: ctx.method,
      host: ctx.host,
      port: portOf(request.host) ?? localPort,
      path: ctx.path,
      headers: fieldsOf(session),
      query: queryOf(request.query),
    },
    var: {
      server_addr: session.localAddress,
      server_port: String(localPort),
      remote_addr: ctx.remoteAddr,
      remote_port: String(session.remotePort),
      timestamp: Math.floor(Date.now() / 1_000),
    },
    ...(options.with_route && plan !== undefined ? { route: withoutSecrets(plan.route) } : {}),
    ...(options.with_service && plan?.service !== undefined ? { service: withoutSecrets(plan.service) } : {}),
    ...(options.with_consumer && consumer !== undefined ? { consumer: describe(consumer) } : {}),
  }
}

function portOf(host: string): number | undefined {
  const port = /:(\d+)$/.exec(host)?.[1]
  return port === undefined ? undefined : Number(port)
}

function fieldsOf({ request }: GatewaySession): Values<string> {
  const fields: Values<string> = Object.create(null) as Values<string>
  for (const [name, value] of request.headers) add(fields, name.toLowerCase(), value)
  return fields
}

function queryOf(query: string): Values<string | true> {
  const values: Values<string | true> = Object.create(null) as Values<string | true>
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    if (equals < 0) add(values, decode(pair), true)
    else add(values, decode(pair.slice(0, equals)), decode(pair.slice(equals + 1)))
  }
  return values
}

function add<T>(values: Values<T>, name: string, value: T): void {
  const known = values[name]
  if (known === undefined) values[name] = value
  else if (Array.isArray(known)) known.push(value)
  else values[name] = [known, value]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

/** Made once for each resource: the same object stays until the configuration changes. */
const shown = new WeakMap<object, unknown>()

function withoutSecrets(resource: object): unknown {
  let copy = shown.get(resource)
  if (copy === undefined) {
    shown.set(resource, (copy = redacted(asWritten(resource as Record<string, unknown>))))
  }
  return copy
}

/** As it is written in a configuration: without its upstream, and with the singular of what is there once. */
function asWritten({ enabled, ...resource }: Record<string, unknown>): object {
  const written: Record<string, unknown> = enabled === undefined ? {} : { status: enabled === true ? 1 : 0 }
  for (const [name, value] of Object.entries(resource)) {
    if (name === 'upstream') continue
    const singular = SINGULAR[name]
    if (singular === undefined || !Array.isArray(value)) written[name] = value
    else if (value.length === 1) written[singular] = value[0]
    else if (value.length > 1) written[name] = value
  }
  return written
}

const SINGULAR: Readonly<Record<string, string>> = { uris: 'uri', hosts: 'host', remote_addrs: 'remote_addr' }

/** Of what stands in routes and services, and in the plugins of a consumer that recognise nobody. */
const isSecret = secretRule('routes', { get: () => undefined, names: () => [] })

function redacted(value: unknown, path: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map((inner) => redacted(inner, path))
  if (typeof value === 'string') return hasPassword(value) ? undefined : value
  if (value === null || typeof value !== 'object') return value
  const kept = Object.entries(value).filter(([name]) => !isSecret([...path, name]))
  return Object.fromEntries(kept.map(([name, inner]) => [name, redacted(inner, [...path, name])]))
}

function describe(consumer: Consumer): unknown {
  let copy = shown.get(consumer)
  if (copy === undefined) {
    const { username, groupId, labels, plugins } = consumer
    copy = {
      username,
      consumer_name: username,
      group_id: groupId,
      labels,
      // What the consumer shows to be known is nobody else's business; the names of the plugins tell how it is known.
      plugins: Object.fromEntries(
        Object.entries(plugins).map(([name, config]) => [
          name,
          AUTH.test(name) ? {} : redacted(config, ['plugins', name]),
        ]),
      ),
    }
    shown.set(consumer, copy)
  }
  return copy
}

const AUTH = /-auth$|-decrypt$|-rbac$/
