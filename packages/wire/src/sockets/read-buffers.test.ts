import { expect, it } from 'vitest'
import { ReadBuffers } from './read-buffers.ts'

it('all connections share one buffer until a long body comes', () => {
  const [one, other] = [new ReadBuffers(), new ReadBuffers()]
  expect(one.next(false)).toBe(other.next(false))
  expect(one.isShared).toBe(true)
  expect(one.next(true)).not.toBe(other.next(false))
  expect([one.isShared, other.isShared]).toEqual([false, true])
  expect(one.current).toHaveLength(65_536)
})

it('a long body is read into the same buffer again while nobody holds it', () => {
  const buffers = new ReadBuffers()
  const first = buffers.next(true)
  expect(buffers.next(true)).toBe(first)
  expect(buffers.next(false)).not.toBe(first)
  // It went back, and the next long body gets it.
  expect(new ReadBuffers().next(true)).toBe(first)
})

it('a held buffer is handed to nobody until it is released', () => {
  const buffers = new ReadBuffers()
  const held: Buffer[] = []
  for (let count = 0; count < 4; count++) {
    held.push(buffers.next(true))
    buffers.hold()
  }
  expect(new Set(held).size).toBe(4)
  const others = Array.from({ length: 8 }, () => new ReadBuffers())
  for (const other of others) expect(held).not.toContain(other.next(true))
  expect(held).not.toContain(buffers.next(true))
  buffers.release()
  const again = Array.from({ length: 4 }, () => new ReadBuffers().next(true))
  expect(new Set(again)).toEqual(new Set(held))
})

it('a released buffer is handed out once', () => {
  const buffers = new ReadBuffers()
  const held = buffers.next(true)
  buffers.hold()
  buffers.release()
  buffers.release()
  const [first, second] = [new ReadBuffers().next(true), new ReadBuffers().next(true)]
  expect(first).toBe(held)
  expect(second).not.toBe(held)
})

it('what is forgotten is never handed out: another socket may still send it', () => {
  const buffers = new ReadBuffers()
  const held = buffers.next(true)
  buffers.hold()
  buffers.forget()
  buffers.release()
  for (let count = 0; count < 100; count++) expect(new ReadBuffers().next(true)).not.toBe(held)
})

it('the shared buffer cannot be held', () => {
  const buffers = new ReadBuffers()
  const shared = buffers.next(false)
  buffers.hold()
  buffers.release()
  expect(new ReadBuffers().next(true)).not.toBe(shared)
})

it('keeps 64 buffers for later and leaves the others to the garbage collector', () => {
  const many = Array.from({ length: 80 }, () => new ReadBuffers())
  const used = new Set(many.map((buffers) => buffers.next(true)))
  expect(used.size).toBe(80)
  for (const buffers of many) buffers.next(false)
  const again = Array.from({ length: 80 }, () => new ReadBuffers().next(true))
  expect(again.filter((buffer) => used.has(buffer))).toHaveLength(64)
})
