import type { HttpAnswer } from './http-answer.ts'

/** How functions are asked over HTTP. */
export type PayloadFormat = 'rest-1.0' | 'http-2.0' | 'alb' | 'function-url'

/**
 * Why there is no answer of a function: it failed or crashed (`function`), answered what is none in HTTP (`malformed`), was refused by the
 * service (`refused`: no such function, no permission), has no concurrency left (`throttled`), took too long (`timeout`), cannot be asked
 * (`unreachable`); or the request is larger than an event may be (`too-large`).
 */
export type FunctionFailure =
  | 'function'
  | 'malformed'
  | 'refused'
  | 'throttled'
  | 'timeout'
  | 'unreachable'
  | 'too-large'

type Failures = Readonly<Record<FunctionFailure, HttpAnswer>>

const json = (status: number, message: string, type?: string): HttpAnswer => ({
  status,
  headers: [
    ['Content-Type', 'application/json'],
    ...(type === undefined ? [] : ([['x-amzn-ErrorType', type]] as const)),
  ],
  body: Buffer.from(JSON.stringify({ message })),
})
const html = (status: number, title: string): HttpAnswer => ({
  status,
  headers: [['Content-Type', 'text/html']],
  body: Buffer.from(
    `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n</body>\r\n</html>\r\n`,
  ),
})
const text = (status: number, body: string): HttpAnswer => ({
  status,
  headers: [['Content-Type', 'text/plain']],
  body: Buffer.from(body),
})

const REST_ERROR = json(502, 'Internal server error', 'InternalServerErrorException')
const REST_REFUSED = json(500, 'Internal server error', 'InternalServerErrorException')
const HTTP_ERROR = json(500, 'Internal Server Error')
const HTTP_UNAVAILABLE = json(503, 'Service Unavailable')
const ALB_ERROR = html(502, 'Bad Gateway')
const URL_ERROR = text(502, 'Internal Server Error')

const FAILURES: Readonly<Record<PayloadFormat, Failures>> = {
  'rest-1.0': {
    function: REST_ERROR,
    malformed: REST_ERROR,
    refused: REST_REFUSED,
    throttled: REST_REFUSED,
    timeout: json(504, 'Endpoint request timed out', 'InternalServerErrorException'),
    unreachable: REST_REFUSED,
    'too-large': json(413, 'Request Too Long', 'RequestTooLargeException'),
  },
  'http-2.0': {
    function: HTTP_ERROR,
    malformed: HTTP_ERROR,
    refused: HTTP_ERROR,
    throttled: HTTP_UNAVAILABLE,
    timeout: HTTP_UNAVAILABLE,
    unreachable: HTTP_UNAVAILABLE,
    'too-large': json(413, 'Request Entity Too Large'),
  },
  alb: {
    function: ALB_ERROR,
    malformed: ALB_ERROR,
    refused: ALB_ERROR,
    throttled: ALB_ERROR,
    timeout: ALB_ERROR,
    unreachable: ALB_ERROR,
    'too-large': html(413, 'Request Entity Too Large'),
  },
  'function-url': {
    function: URL_ERROR,
    malformed: URL_ERROR,
    refused: URL_ERROR,
    throttled: json(429, 'Rate Exceeded.', 'TooManyRequestsException'),
    timeout: text(504, 'Gateway Timeout'),
    unreachable: URL_ERROR,
    'too-large': json(413, 'Request Entity Too Large', 'RequestEntityTooLargeException'),
  },
}

/** What a client is answered in place of a function: what AWS answers there. */
export const failureAnswer = (format: PayloadFormat, failure: FunctionFailure): HttpAnswer => FAILURES[format][failure]
