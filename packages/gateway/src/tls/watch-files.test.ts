import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileWatch } from './watch-files.ts'

let folder: string
let watch: FileWatch
let changes = 0
let wake: () => void = () => undefined
const changed = (): Promise<void> => new Promise((resolve) => (wake = resolve))
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-watch-'))
  changes = 0
  watch = new FileWatch(
    () => {
      changes++
      wake()
    },
    (place, error) => failures.push(`${place}: ${error.message}`),
  )
})
afterEach(() => {
  watch.close()
  rmSync(folder, { recursive: true })
})
let failures: string[] = []

test('a file that is written, or put in the place of the old one, or turned to by a link, is a change', async () => {
  const file = join(folder, 'a.pem')
  writeFileSync(file, '1')
  watch.watch([file])
  let next = changed()
  writeFileSync(file, '2')
  await next
  next = changed()
  writeFileSync(join(folder, 'new'), '3')
  renameSync(join(folder, 'new'), file)
  await next
  next = changed()
  mkdirSync(join(folder, 'version'))
  symlinkSync('version', join(folder, '..data'))
  await next
  expect(changes).toBe(3)
})

test('other files of the folder are none; the list may change', async () => {
  const [one, two] = ['one.pem', 'two.pem'].map((name) => join(folder, name))
  watch.watch([one])
  writeFileSync(two, '1')
  watch.watch([one, two])
  const next = changed()
  writeFileSync(two, '2')
  await next
  expect(changes).toBe(1)
})

test('a folder that is not there is told of', () => {
  failures = []
  watch.watch([join(folder, 'none', 'a.pem')])
  expect(failures).toEqual([expect.stringContaining('ENOENT')])
})
