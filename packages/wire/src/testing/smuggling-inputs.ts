import {
  CHUNK_ENDS,
  CONNECTIONS,
  ENCODINGS,
  FIELDS,
  HOSTS,
  LAST_CHUNKS,
  LENGTHS,
  REQUEST_LINES,
  SIZES,
} from './smuggling-parts.ts'

/**
 * Bytes of one client connection each, as attackers and broken clients send them. `/smuggled` is a request that is only seen by a
 * server that took the end of the message before it for somewhere else.
 */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const post = (fields: readonly string[], body: string, version = '1.1'): string =>
  `POST / HTTP/${version}\r\nHost: a\r\n${fields.map((one) => `${one}\r\n`).join('')}\r\n${body}`
const get = (requestLine: string, ...fields: string[]): string =>
  `${requestLine}\r\n${fields.map((one) => `${one}\r\n`).join('')}\r\n`

/** A body that ends at once for who believes in chunks, and holds a request for who believes in a length. */
const CHUNKS_END_EARLY = `0\r\n\r\n${SMUGGLED}`
/** A body of five bytes for who believes in `Content-Length: 5`, all of it chunks for who does not. */
const LENGTH_ENDS_EARLY = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`

/** What stands in the place of an empty line. */
const HEAD_ENDS = ['\r\n', '\n', '\r', '\n\r\n', '\r\n\n', '\r\r\n', ' \r\n', '\0\r\n', '\x1a']

/** One message that is wrong in one place, then a usual one. */
export const SMUGGLING_INPUTS: readonly string[] = [
  // Length and chunks, each way round: who believes which?
  ...ENCODINGS.flatMap((encoding) => [
    post([encoding], CHUNKS_END_EARLY),
    post([`Content-Length: ${CHUNKS_END_EARLY.length}`, encoding], CHUNKS_END_EARLY),
    post([encoding, 'Content-Length: 5'], LENGTH_ENDS_EARLY),
    post([encoding], CHUNKS_END_EARLY, '1.0'),
  ]),
  ...LENGTHS.flatMap((length) => [
    post([length], `hello${SMUGGLED}`),
    post([length, 'Transfer-Encoding: chunked'], CHUNKS_END_EARLY),
    `GET / HTTP/1.0\r\n${length}\r\n\r\nhello${SMUGGLED}`,
  ]),
  ...SIZES.map((size) => post(['Transfer-Encoding: chunked'], `${size}\r\nhello\r\n0\r\n\r\n${SMUGGLED}`)),
  ...CHUNK_ENDS.map((end) => post(['Transfer-Encoding: chunked'], `5\r\nhello${end}0\r\n\r\n${SMUGGLED}`)),
  ...LAST_CHUNKS.map((last) => post(['Transfer-Encoding: chunked'], `5\r\nhello\r\n${last}${SMUGGLED}`)),
  ...REQUEST_LINES.map((line) => get(line, 'Host: a') + SMUGGLED),
  ...HOSTS.flatMap((hosts) => [
    get('GET / HTTP/1.1', ...hosts) + SMUGGLED,
    get('GET / HTTP/1.0', ...hosts, 'Connection: keep-alive') + SMUGGLED,
    get('GET http://c/ HTTP/1.1', ...hosts) + SMUGGLED,
  ]),
  ...FIELDS.flatMap((field) => [
    get('GET / HTTP/1.1', 'Host: a', field) + SMUGGLED,
    get('GET / HTTP/1.1', field, 'Host: a') + SMUGGLED,
  ]),
  ...HEAD_ENDS.flatMap((end) => [
    `GET / HTTP/1.1\r\nHost: a\r\n${end}${SMUGGLED}`,
    `GET / HTTP/1.1${end}Host: a\r\n\r\n${SMUGGLED}`,
  ]),
  ...CONNECTIONS.flatMap((value) => [
    get('GET / HTTP/1.0', `Connection: ${value}`) + SMUGGLED,
    get('GET / HTTP/1.1', 'Host: a', `Connection: ${value}`) + SMUGGLED,
  ]),
  // Cut short.
  '',
  'G',
  'GET',
  'GET / HTTP/1.1',
  'GET / HTTP/1.1\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r',
  'GET / HTTP/1.1\r\nHost: a\r\nA: \0',
  `${SMUGGLED}\n`,
  '\r\n',
  post(['Content-Length: 5'], 'hell'),
  post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n'),
  post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n'),
  post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\nA: 1\r\n'),
  // Bodies where none is usual, and two requests in one.
  `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${SMUGGLED}`,
  `GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS_END_EARLY}`,
  `HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${SMUGGLED}`,
  `POST / HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`,
  post(['Content-Length: 0'], SMUGGLED),
  post([`Content-Length: ${SMUGGLED.length}`], SMUGGLED),
  post([`Content-Length: ${SMUGGLED.length}`, 'Connection: close'], SMUGGLED + SMUGGLED),
  post(['Content-Length: 5', 'Expect: 100-continue'], `hello${SMUGGLED}`),
]
