import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parseElf } from './elf-file.ts'
import { elf } from './testing/elf.ts'

it.each([
  [0x3e, 'x64'],
  [0xb7, 'arm64'],
  [0xf3, '243'],
])('names machine %i %s', (machine, name) => {
  expect(parseElf(elf({ machine }))).toEqual({ machine: name, loader: undefined, glibcMinor: undefined })
})

it('finds the loader and the newest glibc', () => {
  const file = elf({
    loader: '/lib64/ld-linux-x86-64.so.2',
    strings: ['libc.so.6', 'GLIBC_2.2.5', 'GLIBC_2.34', 'GLIBC_2.17'],
  })
  expect(parseElf(file)).toEqual({ machine: 'x64', loader: '/lib64/ld-linux-x86-64.so.2', glibcMinor: 34 })
})

it.runIf(process.platform === 'linux')('reads the Node.js that runs this', () => {
  expect(parseElf(readFileSync(process.execPath))).toMatchObject({
    machine: process.arch,
    loader: expect.stringContaining('/ld-'),
    glibcMinor: expect.any(Number),
  })
})

it('refuses what is no 64-bit little-endian ELF', () => {
  expect(parseElf(Buffer.from('#!/bin/sh\n'))).toBeUndefined()
  expect(parseElf(Buffer.concat([Buffer.from('7f454c460101', 'hex'), Buffer.alloc(64)]))).toBeUndefined()
  expect(parseElf(elf({}).subarray(0, 63))).toBeUndefined()
})

it('never throws, whatever the bytes are', () => {
  const seed = Number(process.env['SEKISHO_SEED'] ?? Date.now() % 1_000_000)
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const original = elf({ loader: '/lib/ld.so', strings: ['GLIBC_2.34'] })
  for (let round = 0; round < 20_000; round++) {
    const file = Buffer.from(original.subarray(0, 64 + random(original.length - 63)))
    for (let changes = random(6); changes >= 0; changes--) file[6 + random(file.length - 6)] = random(256)
    expect(() => parseElf(file), `SEKISHO_SEED=${seed} round ${round}`).not.toThrow()
  }
})
