import type { IncomingHttpHeaders } from 'node:http2'
import { connect as connectPlain } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { tlsConnectOptions, type UpstreamTls } from '@sekisho/wire'
import { connectTo, timed, type Probe } from './probe.ts'

/** The answer is a message of two bytes behind a head of five; what is longer is no HealthCheckResponse. */
const MAX_ANSWER_BYTES = 1_024

export interface GrpcProbeOptions {
  /** Which service is asked for; default '': the server as a whole. */
  readonly service?: string
  /** The `:authority` field; default: the address that is asked. */
  readonly host?: string | undefined
  /** Metadata: names and values in turn. */
  readonly headers?: readonly string[]
  readonly tls?: UpstreamTls | undefined
}

/** https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
const METHOD = '/grpc.health.v1.Health/Check'
const SERVING = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** Asks `grpc.health.v1.Health/Check`. Healthy is what answers SERVING. */
export function grpcProbe(options: GrpcProbeOptions = {}): Probe {
  const { service = '', host, headers = [], tls } = options
  const question = requestMessage(service)
  return async (address, timeoutMs) => {
    // A megabyte that only those who check by gRPC need.
    const { connect } = await import('node:http2')
    return timed(timeoutMs, (settle) => {
      const name = address.name ?? address.host
      const authority = host ?? (address.port === 0 ? 'localhost' : `${bracketed(name)}:${address.port}`)
      const target = connectTo(address)
      const session = connect(`${tls === undefined ? 'http' : 'https'}://${urlHost(authority)}`, {
        createConnection: () =>
          tls === undefined
            ? connectPlain(target)
            : connectTls({ ...target, ALPNProtocols: ['h2'], ...tlsConnectOptions(tls, name) }),
        maxSessionMemory: 1,
        settings: { enablePush: false },
      })
      session.on('error', (error: Error) => settle('tcp_failure', error.message))
      session.on('close', () => settle('tcp_failure', 'the connection was closed before an answer'))
      const metadata: Record<string, string[]> = {}
      for (let at = 0; at + 1 < headers.length; at += 2)
        (metadata[headers[at].toLowerCase()] ??= []).push(headers[at + 1])
      const stream = session.request({
        ...metadata,
        ':method': 'POST',
        ':path': METHOD,
        ':authority': authority,
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': `${Math.max(1, Math.round(timeoutMs))}m`,
      })
      const chunks: Buffer[] = []
      let bytes = 0
      let head: IncomingHttpHeaders = {}
      let trailers: IncomingHttpHeaders = {}
      stream.on('response', (fields) => (head = fields))
      stream.on('trailers', (fields) => (trailers = fields))
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > MAX_ANSWER_BYTES) settle('http_failure', `an answer of more than ${MAX_ANSWER_BYTES} bytes`)
        else chunks.push(chunk)
      })
      stream.on('error', (error) => settle('tcp_failure', error.message))
      stream.on('end', () => {
        // A stream that is broken off ends, too.
        if (head[':status'] === undefined) return
        const answer = judge(head, trailers, Buffer.concat(chunks))
        settle(answer === 'SERVING' ? 'success' : 'http_failure', answer)
      })
      stream.end(question)
      return () => session.destroy()
    })
  }
}

/** `SERVING`, or what was said instead. */
function judge(head: IncomingHttpHeaders, trailers: IncomingHttpHeaders, body: Buffer): string {
  const status = Number(head[':status'])
  if (status !== 200) return `status ${status}`
  const grpcStatus = trailers['grpc-status'] ?? head['grpc-status']
  if (grpcStatus !== '0') return `grpc-status ${String(grpcStatus ?? 'missing')}`
  const value = servingStatus(body)
  return value === undefined ? 'a message that is no HealthCheckResponse' : (SERVING[value] ?? `status number ${value}`)
}

/** One gRPC message: `HealthCheckRequest { string service = 1 }`. */
function requestMessage(service: string): Buffer {
  const name = Buffer.from(service)
  const length: number[] = []
  for (let rest = name.length; rest > 0 || length.length === 0; rest >>>= 7)
    length.push((rest & 127) | (rest > 127 ? 128 : 0))
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...length]), name])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** `HealthCheckResponse { ServingStatus status = 1 }`; without the field it is 0. Undefined: that is not what it is. */
function servingStatus(body: Buffer): number | undefined {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return undefined
  const message = body.subarray(5)
  if (message.length === 0) return 0
  return message.length === 2 && message[0] === 0x08 && message[1] < 128 ? message[1] : undefined
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** node:http2 wants a URL; what is sent is `:authority` alone. */
const urlHost = (authority: string): string => (/^[\w.:[\]-]+$/.test(authority) ? authority : 'localhost')
