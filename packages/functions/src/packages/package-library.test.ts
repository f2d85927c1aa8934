import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { PackageLibrary, type KnownPackage } from './package-library.ts'
import { PackageProblem } from './package-problem.ts'
import { DirectoryPackageStore } from './stores/directory-package-store.ts'
import { zipOf } from './testing/zip-of.ts'

let directory: string
let store: DirectoryPackageStore
let library: PackageLibrary
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sekisho-library-'))
  store = new DirectoryPackageStore(join(directory, 'zips'))
  library = await opened()
})
afterEach(() => rm(directory, { recursive: true }))

async function opened(): Promise<PackageLibrary> {
  const fresh = new PackageLibrary({ directory, store })
  await fresh.open()
  return fresh
}

async function add(files: Parameters<typeof zipOf>[0]): Promise<KnownPackage> {
  const known = await library.add(await zipOf(files), true)
  if (known instanceof PackageProblem) throw new Error(known.detail)
  library.release(known.sha256)
  return known
}

const file = (sha256: string, path: string) => readFile(join(library.codeDirectory(sha256), path), 'utf8')

it('keeps the zip as it was sent, and what is in it', async () => {
  const zip = await zipOf({ bootstrap: '#!/bin/sh', 'a/b': 'b' })
  const known = (await library.add(zip, true)) as KnownPackage
  expect(known).toEqual({
    sha256: createHash('sha256').update(zip).digest('hex'),
    size: zip.length,
    unzippedBytes: 10,
  })
  expect(await file(known.sha256, 'a/b')).toBe('b')
  const kept = (await library.openPackage(known.sha256))!
  expect(kept.size).toBe(zip.length)
  expect(await buffer(kept.stream)).toEqual(zip)
})

it('has it after a restart, and nothing else', async () => {
  const { sha256 } = await add({ bootstrap: 'x' })
  await mkdir(join(directory, 'code', '.incoming', 'half'))
  await writeFile(join(directory, 'zips', 'half.new'), '')
  await writeFile(join(directory, 'incoming', 'half'), '')
  library = await opened()
  expect(library.ready(sha256, [])).toBe(true)
  expect(await readdir(join(directory, 'code', '.incoming'))).toEqual([])
  expect(await readdir(join(directory, 'zips'))).toEqual([`${sha256}.zip`])
  expect(await readdir(join(directory, 'incoming'))).toEqual([])
})

it('unpacks again from the store what is not there', async () => {
  const { sha256 } = await add({ bootstrap: 'x' })
  await rm(library.codeDirectory(sha256), { recursive: true })
  library = await opened()
  expect(library.ready(sha256, [])).toBe(false)
  await Promise.all([library.prepare(sha256, []), library.prepare(sha256, [])])
  expect(library.ready(sha256, [])).toBe(true)
  expect(await file(sha256, 'bootstrap')).toBe('x')
})

it('says what is gone, or has been changed', async () => {
  await expect(library.prepare('0'.repeat(64), [])).rejects.toThrow(/gone from the store/)
  await writeFile(join(directory, 'zips', `${'0'.repeat(64)}.zip`), await zipOf({ a: 'x' }))
  await expect(library.prepare('0'.repeat(64), [])).rejects.toThrow(/not what was deployed/)
  expect(await readdir(join(directory, 'incoming'))).toEqual([])
})

it('takes the same package many times at once', async () => {
  const zip = await zipOf({ bootstrap: 'x'.repeat(100_000) })
  const all = (await Promise.all(Array.from({ length: 5 }, () => library.add(zip, true)))) as KnownPackage[]
  expect(new Set(all.map(({ sha256 }) => sha256)).size).toBe(1)
  expect((await readdir(join(directory, 'zips'))).length).toBe(1)
})

it('refuses more than 50 MB in a request, and keeps nothing of what it refuses', async () => {
  const large = await library.add(Buffer.alloc(52_428_801), true)
  expect((large as PackageProblem).toServiceError()).toMatchObject({
    code: 'RequestEntityTooLargeException',
    status: 413,
    message: 'Zipped size must be smaller than 52428800 bytes',
  })
  expect(await library.add(Buffer.from('no zip'), true)).toMatchObject({ kind: 'unreadable' })
  expect(await store.list()).toEqual([])
  expect(await readdir(join(directory, 'code'))).toEqual(['.incoming'])
})

it('tells how far it is', async () => {
  const steps: number[] = []
  await library.add(await zipOf({ a: 'x'.repeat(100), b: 'y'.repeat(50) }), true, (done, total) => {
    expect(total).toBe(150)
    steps.push(done)
  })
  expect(steps.at(-1)).toBe(150)
})

it('merges layers, where later ones count, and makes no folder for a single one', async () => {
  const one = await add({ 'lib/x': '1', 'lib/y': '1', z: '1' })
  const two = await add({ 'lib/x': '2', 'z/deep': '2', w: '2' })
  const layers = [one.sha256, two.sha256]
  expect(library.ready(undefined, layers)).toBe(false)
  await library.prepare(undefined, layers)
  const merged = library.layersDirectory(layers)!
  const read = (path: string) => readFile(join(merged, path), 'utf8')
  expect(await Promise.all(['lib/x', 'lib/y', 'z/deep', 'w'].map(read))).toEqual(['2', '1', '2', '2'])
  await library.prepare(undefined, layers.toReversed())
  expect(await readFile(join(library.layersDirectory(layers.toReversed())!, 'z'), 'utf8')).toBe('1')
  expect(library.layersDirectory([one.sha256])).toBe(library.codeDirectory(one.sha256))
  expect(library.layersDirectory([])).toBeUndefined()
  expect((await stat(join(library.codeDirectory(one.sha256), 'lib/x'))).mode & 0o777).toBe(0o444)
})

it('collects what nobody refers to, and leaves what is being deployed', async () => {
  const [a, b] = [await add({ a: 'a' }), await add({ b: 'b' })]
  await library.prepare(undefined, [a.sha256, b.sha256])
  const held = (await library.add(await zipOf({ c: 'c' }), true)) as KnownPackage
  expect(await library.collect(new Set([a.sha256]), [])).toBe(3)
  expect((await store.list()).toSorted()).toEqual([a.sha256, held.sha256].toSorted())
  expect(library.ready(b.sha256, [])).toBe(false)
  library.release(held.sha256)
  expect(await library.collect(new Set([a.sha256]), [])).toBe(2)
  expect(await readdir(join(directory, 'code'))).toEqual(expect.arrayContaining([a.sha256]))
})
