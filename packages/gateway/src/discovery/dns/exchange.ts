import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { decodeMessage, encodeQuery, RECORD_TYPES, type DnsMessage, type QueryType } from './message.ts'

/** A name server. */
export interface DnsServer {
  /** IP address, without brackets. */
  readonly host: string
  readonly port: number
}

/** RFC 1035, section 4.2.2: two bytes of length. */
const LENGTH_BYTES = 2

/**
 * Asks one server: over UDP from a port of its own, and again over TCP when the answer was cut. Rejects with words when there is no whole
 * answer in time. What does not fit the question (id, name, type; others may send what they like to a port) is not looked at.
 */
export async function exchange(
  server: DnsServer,
  name: string,
  type: QueryType,
  timeoutMs: number,
): Promise<DnsMessage> {
  const id = randomInt(0x1_0000)
  const query = encodeQuery(id, name, type)
  if (query === undefined) throw new Error(`"${name.slice(0, 80)}" is not a name in the DNS`)
  const fits = (message: DnsMessage): boolean =>
    message.id === id &&
    message.question.type === RECORD_TYPES[type] &&
    message.question.name === name.replace(/\.$/, '').toLowerCase()
  const answer = await overUdp(server, query, fits, timeoutMs)
  return answer.truncated ? overTcp(server, query, fits, timeoutMs) : answer
}

type Fits = (message: DnsMessage) => boolean

function overUdp(server: DnsServer, query: Buffer, fits: Fits, timeoutMs: number): Promise<DnsMessage> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4')
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      socket.close()
      settle()
    }
    const timer = setTimeout(
      () => end(() => reject(problem(server, `does not answer within ${timeoutMs / 1_000} s`))),
      timeoutMs,
    )
    socket.on('error', (error) => end(() => reject(problem(server, reasonOf(error)))))
    socket.on('message', (bytes) => {
      const message = decodeMessage(bytes)
      // A broken answer with our id is the server's; any other may be a stranger's.
      if (typeof message === 'string') {
        if (bytes.length >= 2 && bytes.readUInt16BE(0) === query.readUInt16BE(0))
          end(() => reject(problem(server, `sends an answer that ${message}`)))
        return
      }
      if (fits(message)) end(() => resolve(message))
    })
    // Connected: the kernel lets nothing through from other addresses, and refusals are told.
    socket.connect(server.port, server.host, () => socket.send(query))
  })
}

function overTcp(server: DnsServer, query: Buffer, fits: Fits, timeoutMs: number): Promise<DnsMessage> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, server.host)
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      socket.destroy()
      settle()
    }
    const fail = (what: string): void => end(() => reject(problem(server, what)))
    const timer = setTimeout(() => fail(`does not answer over TCP within ${timeoutMs / 1_000} s`), timeoutMs)
    const head = Buffer.alloc(LENGTH_BYTES)
    head.writeUInt16BE(query.length)
    let received = Buffer.alloc(0)
    socket.on('error', (error) => fail(reasonOf(error)))
    socket.on('close', () => fail('closes the connection within its answer'))
    socket.on('connect', () => socket.write(Buffer.concat([head, query])))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < LENGTH_BYTES) return
      const length = received.readUInt16BE(0)
      if (received.length < LENGTH_BYTES + length) return
      const message = decodeMessage(received.subarray(LENGTH_BYTES, LENGTH_BYTES + length))
      if (typeof message === 'string') fail(`sends an answer that ${message}`)
      else if (!fits(message) || message.truncated) fail('sends an answer that does not fit the question')
      else end(() => resolve(message))
    })
  })
}

const textOf = ({ host, port }: DnsServer): string => (isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`)
const problem = (server: DnsServer, what: string): Error => new Error(`the name server ${textOf(server)} ${what}`)
const reasonOf = (error: NodeJS.ErrnoException): string =>
  error.code === 'ECONNREFUSED' ? 'refuses connections' : `cannot be asked: ${error.code ?? error.message}`
