import { expect, test } from 'vitest'
import { Recent } from './recent.ts'

test('remembers a bounded number of keys, those that are used the longest', () => {
  const recent = new Recent<number>()
  const key = (at: number): string => `${at}`.padEnd(1_000, 'x')
  recent.set('used', -1)
  for (let at = 0; at < 10_000; at++) {
    recent.set(key(at), at)
    expect(recent.get('used')).toBe(-1)
  }
  expect(recent.size).toBeLessThan(2_200)
  expect(recent.get(key(0))).toBeUndefined()
  expect(recent.get(key(9_999))).toBe(9_999)
})

test('a key that is set again or deleted is counted once', () => {
  const recent = new Recent<number>(10)
  for (let time = 0; time < 5; time++) recent.set('four', time)
  recent.set('five5', 1)
  expect([recent.get('four'), recent.size]).toEqual([4, 2])
  recent.delete('five5')
  recent.set('again', 2)
  recent.set('x', 3)
  // The tenth character made all of them the elder half.
  expect([recent.get('four'), recent.get('again'), recent.get('five5')]).toEqual([4, 2, undefined])
})
