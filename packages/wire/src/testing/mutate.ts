import type { SeededRandom } from './seeded-random.ts'

/** Valid requests in every framing; the body of each says which it is, so that bytes in a wrong place show. */
export const VALID_REQUESTS: readonly string[] = [
  'GET /0 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /1?q=1 HTTP/1.1\r\nhost: b:80\r\nAccept: */*\r\nX-One: 1\r\nx-one: 2\r\n\r\n',
  'POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nbody-of2',
  'POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n4;x=y\r\n-of3\r\n0\r\n\r\n',
  'PUT /4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\na\r\nbody-of-4!\r\n0\r\nX-T: 1\r\n\r\n',
  'HEAD /5 HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: keep-alive\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://c.example/7 HTTP/1.1\r\nHost: c.example\r\n\r\n',
  'GET /8 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'POST /9 HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 8\r\n\r\nbody-of9',
  'DELETE /10 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n',
  'GET /11 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nTE: trailers\r\n\r\n',
]

/** Valid responses to GET, in every framing. */
export const VALID_RESPONSES: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nbody-of0',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n4;x\r\n-of1\r\n0\r\n\r\n',
  'HTTP/1.1 404 Not Found\r\nServer: x\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n8\r\nbody-of2\r\n0\r\nX-T: 1\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 8\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nbody-of5',
  'HTTP/1.0 200 OK\r\nContent-Length: 8\r\nConnection: keep-alive\r\n\r\nbody-of6',
  'HTTP/1.1 200\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\nbody-of8 until the end',
]

/** What attackers put into messages. */
const PIECES = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  '\x0b',
  '\x7f',
  '\xa0',
  '\xff',
  ':',
  ',',
  ';',
  '"',
  '\\',
  '=',
  '#',
  '0',
  '1',
  '5',
  'f',
  '-',
  '+',
  '0x',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'chunked',
  ', chunked',
  'identity',
  'HTTP/1.1',
  'HTTP/1.0',
  'Host: z\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'transfer-encoding:\tchunked \r\n',
  'Connection: close\r\n',
  'Connection: content-length\r\n',
  ' folded\r\n',
  'X: ',
  'GET /s HTTP/1.1\r\nHost: s\r\n\r\n',
]

/** `text` changed in one to four places. */
export function mutate(random: SeededRandom, text: string, others: readonly string[]): string {
  let changed = text
  for (let times = 1 + random.below(4); times > 0; times--) changed = mutateOnce(random, changed, others)
  return changed
}

function mutateOnce(random: SeededRandom, text: string, others: readonly string[]): string {
  const at = random.below(text.length + 1)
  const length = 1 + random.below(random.chance(0.8) ? 3 : 40)
  switch (random.below(8)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length)
    case 1:
    case 2:
      return text.slice(0, at) + random.pick(PIECES) + text.slice(at)
    case 3:
      return text.slice(0, at) + random.pick(PIECES) + text.slice(at + length)
    case 4:
      return text.slice(0, at + length) + text.slice(at)
    case 5:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1)
    case 6:
      return insertLine(random, text)
    default: {
      const other = random.pick(others)
      const from = random.below(other.length)
      return text.slice(0, at) + other.slice(from, from + length * 4) + text.slice(at)
    }
  }
}

/** A whole line where a line begins: most random bytes only ever break the grammar, this one bends the meaning. */
function insertLine(random: SeededRandom, text: string): string {
  const starts = [...text.matchAll(/\r\n/g)].map((match) => match.index + 2)
  const at = starts.length === 0 ? 0 : random.pick(starts)
  const lines = PIECES.filter((piece) => piece.length > 2 && piece.endsWith('\r\n'))
  return text.slice(0, at) + random.pick(lines) + text.slice(at)
}

/** Some messages one after the other, one or more of them changed. */
export function mutatedSequence(random: SeededRandom, valid: readonly string[], maxCount: number): string {
  const count = 1 + random.below(maxCount)
  let bytes = ''
  for (let at = 0; at < count; at++)
    bytes += random.chance(0.5) ? random.pick(valid) : mutate(random, random.pick(valid), valid)
  return bytes
}

/** Where reads end: anything from every byte to one read. */
export function randomSplits(random: SeededRandom, length: number): number[] {
  const mean = random.pick([1, 2, 5, 20, 100])
  const ends: number[] = []
  for (let at = 0; at < length;) {
    at += mean === 1 ? 1 : 1 + random.below(mean * 2)
    ends.push(at)
  }
  return ends
}
