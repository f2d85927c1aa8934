import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { DescriptorPool, layOut } from './descriptors.ts'
import type { InheritedListener } from './descriptors.ts'

// Files stand in for sockets: the pool looks at numbers and inodes alone.

let folder: string
let opened: number[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'descriptors-'))
  opened = []
})
afterEach(() => {
  for (const fd of opened) if (isOpen(fd)) closeSync(fd)
  rmSync(folder, { recursive: true })
})

const address = { address: '127.0.0.1', family: 'IPv4', port: 1 }

it('lays out the copies of each listener without a gap, behind what is there', () => {
  const stdio: unknown[] = ['ignore', 'inherit', 'inherit', 'ipc']
  const bound = [
    { key: 'a', address, fd: 20, close() {} },
    { key: 'b', address, fd: 21, close() {} },
  ]
  expect(layOut(stdio, bound, 3)).toEqual([
    { key: 'a', address, firstFd: 4, count: 3 },
    { key: 'b', address, firstFd: 7, count: 3 },
  ])
  expect(stdio.slice(4)).toEqual([20, 20, 20, 21, 21, 21])
})

it('hands out a set of one for each listener until none is left', () => {
  const [a, b] = [inherit('a', 2), inherit('b', 2)]
  const pool = new DescriptorPool([a, b])
  expect(pool.take()).toEqual([a.firstFd, b.firstFd])
  expect(pool.remaining).toBe(1)
  expect(pool.take()).toEqual([a.firstFd + 1, b.firstFd + 1])
  expect(pool.take()).toBeUndefined()
})

it('takes back a set that was never opened', () => {
  const pool = new DescriptorPool([inherit('a', 1)])
  const set = pool.take()!
  pool.giveBack(set)
  expect(pool.take()).toEqual(set)
})

it('does not take back what was closed, even when the number is in use again', () => {
  const pool = new DescriptorPool([inherit('a', 1)])
  const set = pool.take()!
  closeSync(set[0])
  openUntil('something-else', () => opened.at(-1) === set[0])
  pool.giveBack(set)
  expect(pool.remaining).toBe(0)
  expect(isOpen(set[0])).toBe(true)
})

it('closes the rest of a set of which a part was closed', () => {
  const pool = new DescriptorPool([inherit('a', 1), inherit('b', 1)])
  const set = pool.take()!
  closeSync(set[0])
  pool.giveBack(set)
  expect(pool.remaining).toBe(0)
  expect(isOpen(set[1])).toBe(false)
})

it('closes what is left', () => {
  const listener = inherit('a', 2)
  const pool = new DescriptorPool([listener])
  pool.take()
  pool.close()
  expect([isOpen(listener.firstFd), isOpen(listener.firstFd + 1)]).toEqual([true, false])
  expect(pool.take()).toBeUndefined()
})

/** Opens one file until `count` of its numbers follow each other: this process may have gaps below, and other threads. */
function inherit(key: string, count: number): InheritedListener {
  const run = (): number[] => opened.slice(-count)
  const mark = opened.length
  openUntil(key, () => opened.length >= mark + count && run().every((fd, i) => fd === run()[0] + i))
  return { key, address, firstFd: run()[0], count }
}

function openUntil(name: string, done: () => boolean): void {
  for (let i = 0; i < 100; i++) {
    open(name)
    if (done()) return
  }
  throw new Error('the numbers never fitted')
}

function open(name: string): void {
  opened.push(openSync(join(folder, name), 'w'))
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}
