import { describe, expect, it } from 'vitest'
import { parseWrk } from './wrk-output.js'

const output = `Running 5s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   432.10us  210.55us  12.01ms   91.20%
    Req/Sec    76.52k     2.10k   80.01k    70.00%
  Latency Distribution
     50%  401.00us
     75%  512.00us
     90%  640.00us
     99%    1.25ms
  380640 requests in 5.00s, 68.97MB read
Requests/sec:  76128.00
Transfer/sec:     13.79MB
`

describe('parseWrk', () => {
  it('reads counts, rates and the latency distribution', () => {
    expect(parseWrk(output)).toEqual({
      requests: 380_640,
      seconds: 5,
      requestsPerSecond: 76_128,
      bytesPerSecond: 13.79 * 1024 * 1024,
      p50Ms: 0.401,
      p99Ms: 1.25,
      errors: 0,
    })
  })

  it('understands seconds, minutes and gigabytes', () => {
    const slow = output
      .replace('401.00us', '1.50s')
      .replace('1.25ms', '1.20m')
      .replace('13.79MB', '1.50GB')
      .replace('5.00s', '1.00m')
    expect(parseWrk(slow)).toMatchObject({ p50Ms: 1_500, p99Ms: 72_000, bytesPerSecond: 1.5 * 1024 ** 3, seconds: 60 })
  })

  it('adds up socket errors and answers that are no success', () => {
    const bad = output.replace(
      'Requests/sec:',
      '  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 90\nRequests/sec:',
    )
    expect(parseWrk(bad).errors).toBe(100)
  })

  it('says what was printed when it is not a result', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:8080 Connection refused')).toThrow(/unable to connect/)
  })
})
