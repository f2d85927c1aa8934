import { describe, expect, it } from 'vitest'
import type { H1Limits } from '../limits.ts'
import { openClientSide } from '../testing/client-side.ts'
import { settle } from '../testing/memory-socket.ts'
import { openServerSide, readBody } from '../testing/server-side.ts'
import { refusal, Refusal, refusalCodes, type RefusalCode } from './refusal.ts'

interface Case {
  /** What a client sends that is refused for this reason. */
  readonly request?: string
  /** What an upstream answers that is refused for this reason. */
  readonly response?: string
  readonly limits?: Partial<H1Limits>
  readonly passMs?: number
}

const head = (...fields: string[]): string =>
  `POST / HTTP/1.1\r\nHost: a\r\n${fields.map((one) => `${one}\r\n`).join('')}\r\n`
const chunks = (text: string): string => head('Transfer-Encoding: chunked') + text

/** Responses over HTTP/2 have a test of their own: h2/client-connection.test.ts. */
const CASES: Record<Exclude<RefusalCode, 'H2_RESPONSE'>, Case> = {
  REQUEST_LINE: { request: 'GET /\r\n\r\n' },
  STATUS_LINE: { response: 'HTTP/1.1 20 OK\r\n\r\n' },
  VERSION: { request: 'GET / HTTP/2.0\r\nHost: a\r\n\r\n' },
  METHOD: { request: 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n' },
  TARGET: { request: 'GET /<b> HTTP/1.1\r\nHost: a\r\n\r\n' },
  TARGET_FORM: { request: 'GET a/b HTTP/1.1\r\nHost: a\r\n\r\n' },
  TARGET_TOO_LONG: { request: 'GET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n', limits: { maxTargetLength: 10 } },
  CONNECT: { request: 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n' },
  HEADER_NAME: { request: head('A(: 1'), response: 'HTTP/1.1 200 OK\r\nA(: 1\r\n\r\n' },
  HEADER_VALUE: { request: head('A: \0'), response: 'HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n' },
  SPACE_BEFORE_COLON: { request: head('A : 1'), response: 'HTTP/1.1 200 OK\r\nA : 1\r\n\r\n' },
  OBS_FOLD: { request: head('A: 1', ' 2'), response: 'HTTP/1.1 200 OK\r\nA: 1\r\n\t2\r\n\r\n' },
  BARE_LINE_END: { request: 'GET / HTTP/1.1\nHost: a\n\n', response: 'HTTP/1.1 200 OK\n\n' },
  HEAD_TOO_LARGE: {
    request: head(`A: ${'a'.repeat(1_000)}`),
    response: `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(1_000)}\r\n\r\n`,
    limits: { maxHeadBytes: 1_000, maxTargetLength: 500 },
  },
  TOO_MANY_HEADERS: {
    request: head('A: 1', 'B: 2'),
    response: 'HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n',
    limits: { maxHeaderCount: 2 },
  },
  HOST_MISSING: { request: 'GET / HTTP/1.1\r\n\r\n' },
  HOST_REPEATED: { request: head('Host: a') },
  HOST: { request: 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n' },
  CONTENT_LENGTH: { request: head('Content-Length: +1'), response: 'HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n\r\na' },
  CONTENT_LENGTH_REPEATED: {
    request: head('Content-Length: 1', 'Content-Length: 1'),
    response: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na',
  },
  LENGTH_AND_ENCODING: {
    request: head('Content-Length: 1', 'Transfer-Encoding: chunked'),
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n',
  },
  TRANSFER_ENCODING: {
    request: head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n',
  },
  TRANSFER_ENCODING_UNKNOWN: {
    request: head('Transfer-Encoding: gzip, chunked'),
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
  },
  ENCODING_IN_HTTP_10: {
    request: 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    response: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  },
  EXPECTATION: { request: head('Expect: 200-maybe') },
  CHUNK_SIZE: {
    request: chunks('0x1\r\na\r\n'),
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nG\r\n',
  },
  CHUNK_EXTENSION: {
    request: chunks(`1;${'x'.repeat(2_000)}\r\n`),
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;\0\r\n',
  },
  CHUNK_END: {
    request: chunks('1\r\nab\r\n'),
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n',
  },
  TRAILER: {
    request: chunks('0\r\nHost: b\r\n\r\n'),
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n',
  },
  BODY_TOO_LARGE: { request: chunks('6\r\n123456\r\n'), limits: { maxBodyBytes: 5 } },
  HEAD_TIMEOUT: { request: 'GET / HT', passMs: 60_000 },
  BODY_TIMEOUT: { request: `${head('Content-Length: 5')}123`, passMs: 60_000 },
  UNEXPECTED_UPGRADE: { response: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n' },
}

async function refusedRequest(
  { request = '', limits, passMs = 0 }: Case,
  size: number,
): Promise<{ reason: Refusal | undefined; sent: string }> {
  const side = openServerSide(readBody, limits)
  side.socket.receiveInPieces(request, size)
  side.clock.pass(passMs)
  const [received] = side.requests
  // A head is refused to the handler, which answers; a body to the exchange, which may.
  if (received?.refused !== undefined) received.respond('', {}, received.refused.status)
  await settle()
  expect(side.socket.writableEnded).toBe(true)
  expect(received?.complete ?? false).toBe(false)
  return { reason: side.handler.refusals[0] ?? received?.refused, sent: side.socket.sent }
}

const codes = refusalCodes().filter((code) => code !== 'H2_RESPONSE')

describe.each(codes)('%s', (code) => {
  const one = CASES[code]

  it('has a case', () => {
    expect(one?.request ?? one?.response).toBeTypeOf('string')
  })

  it('is the reason, in whatever reads the bytes come', async () => {
    for (const size of [100_000, 1]) {
      if (one.request !== undefined) {
        const { reason, sent } = await refusedRequest(one, size)
        expect(reason?.code).toBe(code)
        expect(sent).toMatch(new RegExp(`^HTTP/1\\.1 ${refusal(code).status} [^]*\r\nConnection: close\r\n`))
      }
      if (one.response === undefined) continue
      const side = openClientSide(one.limits)
      const exchange = side.ask()
      side.socket.receiveInPieces(one.response, size)
      expect(exchange.error?.code).toBe('BAD_RESPONSE')
      expect(exchange.error?.refusal?.code).toBe(code)
      expect(exchange.error?.message).toContain(refusal(code).message)
      expect(side.connection.closed).toBe(true)
    }
  })
})

describe('the table', () => {
  it('gives each code a status of its kind and a sentence', () => {
    for (const code of refusalCodes()) {
      const { status, message } = refusal(code)
      expect([400, 405, 408, 413, 414, 417, 431, 501, 502, 505]).toContain(status)
      expect(message).toMatch(/^[a-zA-Z][^\n]{10,}[^.]$/)
    }
    expect(new Set(refusalCodes().map((code) => refusal(code).message)).size).toBe(refusalCodes().length)
  })

  it('has one instance for each code: a flood of refusals makes no garbage', () => {
    expect(refusal('OBS_FOLD')).toBe(refusal('OBS_FOLD'))
    expect(refusal('OBS_FOLD')).toBeInstanceOf(Refusal)
  })
})
