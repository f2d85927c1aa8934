import { SharedTable } from '@sekisho/proxy'
import { beforeEach, describe, expect, test } from 'vitest'
import { Breaker } from './breaker.ts'

const START = 1_800_000_000_000
let buffer: SharedArrayBuffer
let breaker: Breaker
let other: Breaker

beforeEach(() => {
  buffer = SharedTable.createBuffer({ cells: 3, slots: 64, seed: [1, 2] })
  const limits = { failures: 3, successes: 2, maxOpenMs: 5_000 }
  breaker = new Breaker(new SharedTable(buffer, 0), 'routes/1', limits)
  other = new Breaker(new SharedTable(buffer, 1), 'routes/1', limits)
})

const fail = (times: number, now: number): void => {
  for (let done = 0; done < times; done++) (done % 2 === 0 ? breaker : other).failed('k', now)
}
/** For how many ms from `now` on it is open. */
const openFor = (now: number): number => {
  let ms = 0
  while (breaker.isOpen('k', now + ms)) ms += 500
  return ms
}

describe('a breaker', () => {
  test('is closed until failures have been counted, by all workers', () => {
    expect(openFor(START)).toBe(0)
    fail(2, START)
    expect(openFor(START)).toBe(0)
    fail(1, START)
    expect(openFor(START)).toBe(2_000)
    expect(other.isOpen('k', START)).toBe(true)
    expect(other.isOpen('another', START)).toBe(false)
  })

  test('stays open longer each time, up to the limit', () => {
    fail(3, START)
    fail(3, START + 2_000)
    expect(openFor(START + 2_000)).toBe(4_000)
    fail(3, START + 6_000)
    expect(openFor(START + 6_000)).toBe(5_000)
  })

  test('one failure after it was open adds to those before', () => {
    fail(3, START)
    // Of the second round by now: 4 s from when it opened.
    fail(2, START + 3_000)
    expect(openFor(START + 3_000)).toBe(1_000)
    fail(1, START + 3_000)
    expect(openFor(START + 3_000)).toBe(4_000)
  })

  test('closes for good after successes in a row', () => {
    fail(3, START)
    breaker.succeeded('k', START + 2_000)
    fail(1, START + 2_000)
    other.succeeded('k', START + 2_000)
    expect(openFor(START)).toBeGreaterThan(0)
    breaker.succeeded('k', START + 2_000)
    expect(openFor(START)).toBe(0)
    fail(2, START + 2_000)
    expect(openFor(START + 2_000)).toBe(0)
  })

  test('forgets in the end', () => {
    fail(2, START)
    const later = START + 3_600_000
    fail(1, later)
    expect(openFor(later)).toBe(0)
  })
})
