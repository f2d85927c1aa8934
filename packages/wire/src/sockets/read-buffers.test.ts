import { afterEach, describe, expect, it } from 'vitest'
import { ReadBuffers } from './read-buffers.ts'

const opened: ReadBuffers[] = []
const open = (): ReadBuffers => {
  const buffers = new ReadBuffers()
  opened.push(buffers)
  return buffers
}
const openMany = (count: number): ReadBuffers[] => Array.from({ length: count }, open)
afterEach(() => {
  for (const buffers of opened.splice(0)) buffers.close()
})
const shared = open().next(false)

describe('short bodies', () => {
  it('are read into one buffer by all connections', () => {
    const [one, other] = [open(), open()]
    expect(one.next(false)).toBe(shared)
    expect(other.next(false)).toBe(shared)
    expect(one.isShared).toBe(true)
  })

  it('cannot hold that buffer', () => {
    const buffers = open()
    buffers.next(false)
    buffers.hold()
    buffers.release()
    expect(open().next(true)).not.toBe(shared)
  })
})

describe('a long body', () => {
  it('is read into a buffer of its own, the same again while nobody holds it', () => {
    const buffers = open()
    const first = buffers.next(true)
    expect(first).not.toBe(shared)
    expect(first).toHaveLength(shared.length)
    expect(buffers.isShared).toBe(false)
    expect(buffers.next(true)).toBe(first)
    expect(buffers.next(false)).toBe(shared)
    // It went back, and the next long body gets it.
    expect(open().next(true)).toBe(first)
  })

  it('that is held stays untouched until it is released', () => {
    const buffers = open()
    const held: Buffer[] = []
    for (let count = 0; count < 4; count++) {
      held.push(buffers.next(true))
      buffers.hold()
    }
    expect(new Set(held).size).toBe(4)
    for (const other of openMany(20)) expect(held).not.toContain(other.next(true))
    expect(held).not.toContain(buffers.next(true))
    buffers.release()
    expect(new Set(openMany(4).map((other) => other.next(true)))).toEqual(new Set(held))
  })

  it('is handed out once after its release', () => {
    const buffers = open()
    const held = buffers.next(true)
    buffers.hold()
    buffers.release()
    buffers.release()
    expect(open().next(true)).toBe(held)
    expect(open().next(true)).not.toBe(held)
  })

  it.each(['forget', 'close'] as const)(
    'that was held at %s is never handed out: another socket may still send it',
    (how) => {
      const buffers = open()
      const held = buffers.next(true)
      buffers.hold()
      buffers[how]()
      buffers.release()
      const others = openMany(100).map((other) => other.next(true))
      expect(others.filter((other) => other === held)).toHaveLength(0)
    },
  )

  it('that is being read at the close is never handed out either', () => {
    const buffers = open()
    const current = buffers.next(true)
    buffers.close()
    const others = openMany(100).map((other) => other.next(true))
    expect(others.filter((other) => other === current)).toHaveLength(0)
  })
})

describe('limits', () => {
  it('128 connections have a buffer of their own at a time; others share, until one is done', () => {
    const many = openMany(128)
    const own = new Set(many.map((buffers) => buffers.next(true)))
    expect(own.size).toBe(128)
    expect(own).not.toContain(shared)
    const late = open()
    expect(late.next(true)).toBe(shared)
    expect(late.isShared).toBe(true)
    many[0].close()
    expect(late.next(true)).not.toBe(shared)
    expect(open().next(true)).toBe(shared)
    many[1].next(false)
    expect(open().next(true)).not.toBe(shared)
  })

  it('32 buffers are kept for later, the others are left to the garbage collector', () => {
    const used = new Set(openMany(60).map((buffers) => buffers.next(true)))
    expect(used.size).toBe(60)
    for (const buffers of opened) buffers.next(false)
    const again = openMany(60).map((buffers) => buffers.next(true))
    expect(again.filter((buffer) => used.has(buffer))).toHaveLength(32)
  })

  it('closing twice gives back once', () => {
    const [first, ...others] = openMany(128)
    for (const buffers of [first, ...others]) buffers.next(true)
    first.close()
    first.close()
    expect(open().next(true)).not.toBe(shared)
    expect(open().next(true)).toBe(shared)
  })
})
