import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fromBufferPromise } from 'yauzl'
import { folderFiles } from './folder-files.ts'
import { zipFiles } from './zip-files.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zip-files-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function write(path: string, text = path): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true })
  await writeFile(join(folder, path), text)
}

const paths = async (selection = {}): Promise<string[]> =>
  (await folderFiles(folder, selection)).map(({ path }) => path)

it('packs the same files into the same bytes, whenever they were written', async () => {
  await write('b/c')
  await write('bootstrap', '#!/bin/sh')
  await chmod(join(folder, 'bootstrap'), 0o755)
  const first = await zipFiles(await folderFiles(folder))
  await utimes(join(folder, 'b/c'), 1, 1)
  await chmod(join(folder, 'b/c'), 0o600)
  const files = await folderFiles(folder)
  const second = await zipFiles(files.toReversed())
  expect(second.bytes.equals(first.bytes)).toBe(true)
  expect(first.unzippedBytes).toBe(12)

  const zip = await fromBufferPromise(first.bytes)
  const modes = new Map<string, number>()
  for await (const entry of zip.eachEntry()) modes.set(entry.fileName, (entry.externalFileAttributes >>> 16) & 0o777)
  expect([...modes]).toEqual([
    ['b/c', 0o644],
    ['bootstrap', 0o755],
  ])
})

it('leaves out what should not leave the machine, and what is excluded', async () => {
  for (const path of ['index.js', '.env', '.git/config', 'function.yaml', 'a/.DS_Store', 'a/b.md', 'a/b.txt'])
    await write(path)
  expect(await paths()).toEqual(['a/b.md', 'a/b.txt', 'index.js'])
  expect(await paths({ exclude: ['*.md'] })).toEqual(['a/b.txt', 'index.js'])
  expect(await paths({ include: ['a/**'] })).toEqual(['a/b.md', 'a/b.txt'])
})

it('follows links, but not in circles and not to nothing', async () => {
  await write('real/file')
  await symlink('real', join(folder, 'linked'))
  expect(await paths()).toEqual(['linked/file', 'real/file'])
  await symlink('..', join(folder, 'real/up'))
  await expect(paths()).rejects.toThrow('is a link to a folder that it is in')
  await rm(join(folder, 'real/up'))
  await symlink('gone', join(folder, 'nothing'))
  await expect(paths()).rejects.toThrow('nothing is a link to nothing; remove it, or name it under "exclude"')
})

it('says what is too large', async () => {
  await write('large.bin', '')
  const { truncate } = await import('node:fs/promises')
  await truncate(join(folder, 'large.bin'), 262_144_001)
  await expect(paths()).rejects.toThrow(/more than a package may hold: 250 MB.*large\.bin \(262\.1 MB\)/)
})
