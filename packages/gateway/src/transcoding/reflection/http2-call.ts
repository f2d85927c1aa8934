import { connect as connectSocket } from 'node:net'
import { connect, type ClientHttp2Session } from 'node:http2'
import type { Peer } from '@sekisho/proxy'
import { tlsConnectOptions } from '@sekisho/wire'
import { frameMessage, MessageReader } from '../../grpc/message-reader.ts'
import { decodeStatusMessage } from '../../grpc/status-message.ts'
import { grpcStatusOfHttp } from '../../grpc/status.ts'
import { CallError, type Call } from './fetch-files.ts'

type Fields = Readonly<Record<string, unknown>>

/** For one question, without a byte of its answer. */
const TIMEOUT_MS = 10_000
/** For all questions: requests wait for the types, and an upstream may answer slowly and without end. */
const TOTAL_TIMEOUT_MS = 30_000
/** Of one answer. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/**
 * Calls on a connection of its own to a node, closed by `close`. With Node's HTTP/2 and not ours: a handful of calls when an upstream is first
 * met, outside of any request.
 */
export function openCalls(peer: Peer): { call: Call; close: () => void } {
  const session = openSession(peer)
  let failure: Error | undefined
  session.on('error', (error: Error) => (failure = error))
  const limit = setTimeout(
    () => session.destroy(new Error('the reflection service takes too long')),
    TOTAL_TIMEOUT_MS,
  ).unref()
  return {
    call: (grpcPath, message) => callOnce(session, grpcPath, message, () => failure),
    close: () => {
      clearTimeout(limit)
      session.destroy()
    },
  }
}

function openSession({ host, port, name, tls }: Peer): ClientHttp2Session {
  if (port === 0) return connect('http://localhost', { createConnection: () => connectSocket(host) })
  if (tls === undefined) return connect(`http://${name}`)
  return connect(`https://${name}`, tlsConnectOptions(tls, host))
}

function callOnce(
  session: ClientHttp2Session,
  grpcPath: string,
  message: Uint8Array,
  sessionFailure: () => Error | undefined,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': grpcPath,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const reader = new MessageReader({ maxMessageBytes: MAX_ANSWER_BYTES })
    let answer: Buffer | undefined
    let fields: Fields = {}
    stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error('the reflection service does not answer')))
    stream.on('response', (headers) => (fields = headers))
    stream.on('trailers', (trailers) => (fields = { ...fields, ...trailers }))
    stream.on('data', (chunk: Buffer) => {
      reader.push(chunk)
      for (let next = reader.next(); next !== undefined; next = reader.next()) answer ??= Buffer.from(next)
    })
    stream.on('error', reject)
    stream.on('close', () => {
      if (answer !== undefined) resolve(answer)
      else reject(sessionFailure() ?? callError(fields))
    })
    stream.end(frameMessage(message))
  })
}

/** The status of a call without an answer; that of HTTP, when whatever answered is no gRPC. */
function callError(fields: Fields): CallError {
  const status = fields['grpc-status']
  const code = status === undefined ? grpcStatusOfHttp(Number(fields[':status'])) : Number(status)
  const message = fields['grpc-message']
  return new CallError(
    code,
    typeof message === 'string' ? decodeStatusMessage(message) : `the call ended with status ${code}`,
  )
}
