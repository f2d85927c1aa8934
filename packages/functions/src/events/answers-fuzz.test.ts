import { isFieldValue, isToken } from '@sekisho/wire'
import { describe, expect, it } from 'vitest'
import { albAnswer } from './alb.ts'
import { policyAnswer, simpleAnswer } from './authorizer-answers.ts'
import { http2Answer } from './http-2.0.ts'
import { MalformedAnswer, type HttpAnswer } from './http-answer.ts'
import { MediaTypes } from './media-types.ts'
import { restAnswer } from './rest-1.0.ts'
import { StreamingPrelude } from './streaming-prelude.ts'

const ROUNDS = 20_000
const seed = Number(process.env['SEKISHO_SEED'] ?? Date.now() % 1_000_000)

/** mulberry32 */
function generator(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const KEYS = [
  ...['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded', 'cookies', 'statusDescription'],
  ...['principalId', 'policyDocument', 'Statement', 'Effect', 'Action', 'Resource', 'context', 'isAuthorized'],
  ...['__proto__', 'constructor', 'toString', 'Content-Type', 'Set-Cookie', 'Transfer-Encoding', 'a b', ''],
]
const LEAVES = [
  ...[
    null,
    true,
    false,
    0,
    200,
    404,
    99,
    600,
    -1,
    200.5,
    1e308,
    '200',
    '404',
    'abc',
    '',
    'x: y\r\n',
    '\0',
    'ż',
    '😀',
    '\ud800',
  ],
  ...['Allow', 'Deny', '*', 'execute-api:Invoke', 'AQID', '====', '200 OK', 'a\nb'],
]

/** Any JSON that a function may answer; what answers have is likelier than other things. */
function anyJson(random: () => number, depth = 0): unknown {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]
  const kind = random()
  if (depth > 4 || kind < 0.45) return pick(LEAVES)
  if (kind < 0.6) return Array.from({ length: Math.floor(random() * 4) }, () => anyJson(random, depth + 1))
  const object: Record<string, unknown> = {}
  if (depth === 0 && random() < 0.7) object['statusCode'] = random() < 0.7 ? 200 : pick(LEAVES)
  for (let count = Math.floor(random() * 5); count > 0; count--) {
    Object.defineProperty(object, pick(KEYS), {
      value: anyJson(random, depth + 1),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return object
}

function expectSound(answer: HttpAnswer | MalformedAnswer): void {
  if (answer instanceof MalformedAnswer) {
    expect(answer.problem.length).toBeGreaterThan(0)
    return
  }
  expect(answer.status).toBeGreaterThanOrEqual(200)
  expect(answer.status).toBeLessThanOrEqual(599)
  for (const [name, value] of answer.headers) {
    expect(isToken(name) && isFieldValue(value)).toBe(true)
    expect(/^(transfer-encoding|content-length|connection)$/i.test(name)).toBe(false)
  }
  expect(Buffer.isBuffer(answer.body)).toBe(true)
}

describe('whatever a function answers', () => {
  it('is a response that can be sent, or malformed', () => {
    const random = generator(seed)
    const all = { binaryTypes: new MediaTypes(['*/*']), accept: undefined }
    for (let round = 0; round < ROUNDS; round++) {
      const text = JSON.stringify(anyJson(random))
      // Sometimes no JSON at all.
      const payload = Buffer.from(random() < 0.05 ? text.slice(0, Math.floor(random() * text.length)) : text)
      try {
        for (const answer of [restAnswer(payload, all), http2Answer(payload), albAnswer(payload)]) expectSound(answer)
        const prelude = new StreamingPrelude().push(Buffer.concat([payload, Buffer.alloc(8)]))
        if (prelude !== undefined && !(prelude instanceof MalformedAnswer))
          expectSound({ ...prelude.head, body: prelude.rest })
        simpleAnswer(payload)
        const policy = policyAnswer(payload)
        if (!(policy instanceof MalformedAnswer)) policy.evaluate('arn:aws:execute-api:us-east-1:1:a/b/GET/c')
      } catch (error) {
        throw new Error(`seed ${seed}, round ${round}: ${text}`, { cause: error })
      }
    }
  })
})
