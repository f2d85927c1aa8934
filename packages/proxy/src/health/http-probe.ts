import { request as plainRequest, type RequestOptions } from 'node:http'
import { request as secureRequest } from 'node:https'
import { tlsConnectOptions, type UpstreamTls } from '@sekisho/wire'
import { connectTo, timed, type Probe } from './probe.ts'

/** Bytes of an answer's head, at most. */
const MAX_HEAD_BYTES = 16_384

export interface HttpProbeOptions {
  /** Default `GET`. */
  readonly method?: string
  /** Default `/`. */
  readonly path?: string
  /** The Host field; default: the address that is asked. */
  readonly host?: string | undefined
  /** Names and values in turn. A `Host` among them wins over `host`. */
  readonly headers?: readonly string[]
  readonly body?: string
  /** The request goes through TLS. */
  readonly tls?: UpstreamTls | undefined
  /** Default: 200 and 302, as in APISIX. */
  readonly healthyStatuses?: ReadonlySet<number>
  /** Default: 404, 429 and 500 to 505. A status in neither set says nothing. */
  readonly unhealthyStatuses?: ReadonlySet<number>
}

const HEALTHY_STATUSES: ReadonlySet<number> = new Set([200, 302])
const UNHEALTHY_STATUSES: ReadonlySet<number> = new Set([404, 429, 500, 501, 502, 503, 504, 505])

/**
 * Asks by HTTP/1.1, on a connection of its own: a node that has just died may still have one in a pool. The head of the answer is all that
 * is read. node:http is good enough here: this is not the data path.
 */
export function httpProbe(options: HttpProbeOptions = {}): Probe {
  const { method = 'GET', path = '/', body = '', tls } = options
  const { healthyStatuses = HEALTHY_STATUSES, unhealthyStatuses = UNHEALTHY_STATUSES } = options
  const send = tls === undefined ? plainRequest : secureRequest
  return (address, timeoutMs) => {
    const name = address.name ?? address.host
    const target: RequestOptions = {
      ...connectTo(address),
      method,
      path,
      headers: fieldsOf(options, address.port === 0 ? 'localhost' : hostOf(name, address.port, tls), body),
      agent: false,
      maxHeaderSize: MAX_HEAD_BYTES,
      ...(tls === undefined ? {} : tlsConnectOptions(tls, name)),
    }
    if ('path' in connectTo(address)) Object.assign(target, { socketPath: address.host, path })
    return timed(timeoutMs, (settle) => {
      const judge = (status: number): void => {
        const outcome = healthyStatuses.has(status)
          ? 'success'
          : unhealthyStatuses.has(status)
            ? 'http_failure'
            : 'ignored'
        settle(outcome, `status ${status}`)
      }
      const request = send(target)
      request.on('response', (response) => judge(response.statusCode ?? 0))
      request.on('upgrade', (response, socket) => {
        judge(response.statusCode ?? 0)
        socket.destroy()
      })
      request.on('error', (error) => settle('tcp_failure', error.message))
      request.on('close', () => settle('tcp_failure', 'the connection was closed before an answer'))
      request.end(body)
      return () => void request.destroy()
    })
  }
}

function fieldsOf({ headers = [], host }: HttpProbeOptions, address: string, body: string): string[] {
  const fields = [...headers]
  const has = (name: string): boolean => fields.some((field, at) => at % 2 === 0 && field.toLowerCase() === name)
  if (!has('host')) fields.unshift('Host', host ?? address)
  if (!has('user-agent')) fields.push('User-Agent', 'sekisho-health-check')
  if (body !== '' && !has('content-length')) fields.push('Content-Length', String(Buffer.byteLength(body)))
  return fields
}

function hostOf(host: string, port: number, tls: UpstreamTls | undefined): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (tls === undefined ? 80 : 443) ? name : `${name}:${port}`
}
