import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { MAX_IMAGE_BYTES, MAX_IMAGE_ENTRIES } from '../limits.ts'
import { tarOf, type TarFile } from '../testing/tar-of.ts'
import { applyLayer } from './apply-layer.ts'
import { TarStream } from './tar-stream.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sekisho-layer-'))
})
afterEach(() => rm(root, { recursive: true }))

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const apply = (files: readonly TarFile[], usage = { bytes: 0, entries: 0 }, size = 1_000) =>
  applyLayer(new TarStream(inPieces(tarOf(files), size)), root, usage)

it.each([1, 7, 511, 512, 513, 100_000])('reads what comes in pieces of %i bytes', async (size) => {
  const usage = { bytes: 0, entries: 0 }
  await apply([{ name: 'a/', type: '5' }, { name: 'a/b', content: 'x'.repeat(1_300) }, { name: 'c' }], usage, size)
  expect(usage).toEqual({ bytes: 1_300, entries: 3 })
})

it('adds up all layers of an image', async () => {
  const full = { bytes: MAX_IMAGE_BYTES - 3, entries: 0 }
  await apply([{ name: 'a', content: 'xx' }], full)
  await expect(apply([{ name: 'b', content: 'xx' }], full)).rejects.toThrow('more than 10737418240 bytes')
  await expect(apply([{ name: 'a' }], { bytes: 0, entries: MAX_IMAGE_ENTRIES })).rejects.toThrow('files')
})

it('refuses sizes that no file has before it reads on', async () => {
  await expect(
    apply([{ name: 'a', declaredSize: 0o77777777777 }], { bytes: MAX_IMAGE_BYTES / 2, entries: 0 }),
  ).rejects.toThrow('more than 10737418240 bytes')
})

it('refuses pax headers that are damaged', async () => {
  for (const content of [
    '',
    '5 a=',
    '99 path=x\n',
    'x path=y\n',
    '0 path=x\n',
    '9 path=xy\n',
    '7 size=\n',
    '10 size=x\n',
  ])
    await apply([{ name: 'x', type: 'x', content }, { name: 'a' }]).then(
      () => expect(content).toBe(''),
      (error: Error) => expect(error.message).toMatch(/pax header/),
    )
})
