import { expect, it } from 'vitest'
import { parseH2loadLog } from './h2load-log.js'

it('reads percentiles and failures from the log of h2load', () => {
  const lines = Array.from({ length: 1_000 }, (_, at) => `${at}\t200\t${1_000 - at}`)
  expect(parseH2loadLog([...lines, '1\t503\t9', ''].join('\n'), 2)).toEqual({
    answeredPerSecond: 500,
    p50Micros: 501,
    p99Micros: 991,
    p999Micros: 1_000,
    maxMicros: 1_000,
    lateP99Micros: 0,
    failed: 1,
  })
  expect(parseH2loadLog('', 1)).toMatchObject({ answeredPerSecond: 0, p99Micros: 0, failed: 0 })
})
