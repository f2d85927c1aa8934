import { describe, expect, it } from 'vitest'
import { parseH2load } from './h2load-output.js'

const output = `Warm-up started for thread #0.
finished in 2.00s, 47013.50 req/s, 4.31MB/s
requests: 94027 total, 94155 started, 94027 done, 94020 succeeded, 7 failed, 0 errored, 0 timeout
status codes: 94020 2xx, 0 3xx, 0 4xx, 7 5xx
traffic: 8.61MB (9030000) total, 1.39MB (1452703) headers (space savings 44.94%), 3.00MB (3102891) data
`

describe('parseH2load', () => {
  it('reads rate, bytes and failures', () => {
    const result = parseH2load(output)
    expect(result).toMatchObject({ requests: 94_020, seconds: 2, requestsPerSecond: 47_013.5, errors: 7 })
    expect(result.bytesPerSecond).toBeCloseTo(4.31 * 1024 ** 2)
    expect(result.p50Ms).toBeNaN()
  })

  it('reads runs of other lengths', () => {
    const short = output.replace('2.00s, 47013.50 req/s, 4.31MB/s', '987.65ms, 1.00 req/s, 3.08KB/s')
    expect(parseH2load(short)).toMatchObject({ requestsPerSecond: 1, bytesPerSecond: 3.08 * 1024 })
    expect(parseH2load(short).seconds).toBeCloseTo(0.98765)
  })

  it('throws with what h2load said instead', () => {
    expect(() => parseH2load('connection refused')).toThrow('connection refused')
  })
})
