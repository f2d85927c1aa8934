import { isFieldValue, isToken } from '@sekisho/wire'
import { expect, it } from 'vitest'
import { MalformedAnswer } from './http-answer.ts'
import { http2Answer } from './http-2.0.ts'
import { StreamingPrelude } from './streaming-prelude.ts'

const SEED = Number(process.env['SEKISHO_SEED'] ?? 20_261_121)

/** mulberry32 */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

it(`whatever a function answers is an HTTP answer or malformed (seed ${SEED})`, () => {
  const next = random(SEED)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]
  const value = (depth: number): unknown => {
    const kind = Math.floor(next() * (depth > 2 ? 6 : 8))
    if (kind === 6) return Array.from({ length: Math.floor(next() * 3) }, () => value(depth + 1))
    if (kind === 7) return { [pick(['a', 'Content-Type', 'b c', '', '__proto__', 'ż'])]: value(depth + 1) }
    return [null, true, 200, '200', 'text\r\nx: y', 'żółw'][kind]
  }
  const answer = (): unknown => {
    const members: Record<string, unknown> = {}
    for (const name of ['statusCode', 'headers', 'multiValueHeaders', 'cookies', 'body', 'isBase64Encoded']) {
      if (next() < 0.5) members[name] = next() < 0.4 && name === 'statusCode' ? 200 : value(0)
    }
    return next() < 0.8 ? members : value(0)
  }
  let good = 0
  for (let round = 0; round < 20_000; round++) {
    let text = JSON.stringify(answer())
    if (next() < 0.1) text = text.slice(0, Math.floor(next() * text.length))
    const whole = http2Answer(Buffer.from(text))
    const streamed = new StreamingPrelude().push(Buffer.from(`${text}${'\0'.repeat(8)}rest`))
    const head = streamed instanceof MalformedAnswer ? streamed : streamed?.head
    for (const one of [whole, head]) {
      if (one === undefined || one instanceof MalformedAnswer) continue
      good++
      expect(one.status >= 200 && one.status <= 599, text).toBe(true)
      for (const [name, field] of one.headers) expect(isToken(name) && isFieldValue(field), text).toBe(true)
    }
  }
  expect(good).toBeGreaterThan(1_000)
})
