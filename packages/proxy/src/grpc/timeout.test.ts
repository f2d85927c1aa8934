import { expect, test } from 'vitest'
import { formatGrpcTimeout, parseGrpcTimeout } from './timeout.ts'

test.each([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['5S', 5_000],
  ['100m', 100],
  ['250u', 0.25],
  ['99999999n', 99.999999],
  ['0m', 0],
])('%s is %d ms', (text, ms) => expect(parseGrpcTimeout(text)).toBeCloseTo(ms, 9))

test.each(['', '5', 'm', '5s', '123456789m', '-1m', '1.5S', ' 1m', '1m ', '1mm', '0x1m'])('%j is malformed', (text) =>
  expect(parseGrpcTimeout(text)).toBeUndefined(),
)

test('what is written is read as no less, and never as nothing', () => {
  for (const ms of [0, 0.0001, 0.25, 1, 99.5, 12_345.678, 99_999, 100_000, 5_000_000, 99_999_998, 3e8, 1e12]) {
    const text = formatGrpcTimeout(ms)
    const read = parseGrpcTimeout(text) as number
    expect(read).toBeGreaterThan(0)
    if (ms < 9e10) expect(read).toBeGreaterThanOrEqual(ms - 1e-9)
    expect(read).toBeLessThanOrEqual(Math.max(ms * 1.02, ms + 0.001))
  }
})
