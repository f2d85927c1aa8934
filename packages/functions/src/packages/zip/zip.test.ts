import { execFileSync } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PackageProblem } from '../package-problem.ts'
import { rawZip, type RawEntry } from '../testing/raw-zip.ts'
import { zipOf } from '../testing/zip-of.ts'
import { unpackZip } from './unpack-zip.ts'
import { openZip, type ZipSource } from './zip-bytes.ts'
import { listZip } from './zip-listing.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-zip-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** @returns the problem, or all there is by path: content, or `-> link` */
async function unpack(source: ZipSource): Promise<PackageProblem | Record<string, string>> {
  const bytes = await openZip(source)
  if (bytes instanceof PackageProblem) return bytes
  try {
    const listing = await listZip(bytes)
    if (listing instanceof PackageProblem) return listing
    return (await unpackZip(bytes, listing, folder)) ?? contents(folder)
  } finally {
    await bytes.close()
  }
}

function contents(root: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const item of readdirSync(root, { withFileTypes: true, recursive: true })) {
    const path = join(item.parentPath, item.name)
    const name = path.slice(root.length + 1)
    if (item.isSymbolicLink()) found[name] = `-> ${readlinkSync(path)}`
    else if (item.isFile()) found[name] = readFileSync(path, 'latin1')
    else if (item.isDirectory() && readdirSync(path).length === 0) found[`${name}/`] = ''
  }
  return found
}

const modeOf = (path: string) => lstatSync(join(folder, path)).mode & 0o7777
const detailOf = async (entries: readonly RawEntry[]): Promise<string> => {
  const outcome = await unpack(rawZip(entries))
  expect(outcome).toBeInstanceOf(PackageProblem)
  expect(readdirSync(folder).filter((name) => lstatSync(join(folder, name)).size > 5_000_000)).toEqual([])
  return (outcome as PackageProblem).detail
}

describe('what is good', () => {
  it('is unpacked: folders, empty files, stored, deflated, large', async () => {
    const large = Buffer.alloc(9_000_000, 'sekisho')
    const zip = await zipOf({ bootstrap: '#!/bin/sh', 'a/b/c.txt': 'c', 'empty/': '', none: '', large, 'ä/関所': 'x' })
    const expected = {
      bootstrap: '#!/bin/sh',
      'a/b/c.txt': 'c',
      'empty/': '',
      none: '',
      large: large.toString(),
      'ä/関所': 'x',
    }
    expect(await unpack(zip)).toEqual(expected)
  })

  it('may be a file', async () => {
    const file = join(folder, '..', `${folder.split('/').at(-1)}.zip`)
    writeFileSync(file, await zipOf({ a: 'x'.repeat(6_000_000), 'b/c': '2' }))
    try {
      expect(await unpack({ file })).toEqual({ a: 'x'.repeat(6_000_000), 'b/c': '2' })
    } finally {
      rmSync(file)
    }
  })

  it('keeps the bit that makes files executable; all may read, nobody may write', async () => {
    await unpack(await zipOf({ tool: { content: '', mode: 0o4711 }, secret: { content: '', mode: 0o600 }, 'd/x': 'x' }))
    expect([modeOf('tool'), modeOf('secret'), modeOf('d')]).toEqual([0o555, 0o444, 0o755])
  })

  it('makes bootstrap and extensions executable: Windows has no such bit', async () => {
    await unpack(rawZip([{ name: 'bootstrap' }, { name: 'extensions/one' }, { name: 'data' }, { name: 'a\\b' }]))
    expect([modeOf('bootstrap'), modeOf('extensions/one'), modeOf('data')]).toEqual([0o555, 0o555, 0o444])
    expect(modeOf('a/b')).toBe(0o444)
  })

  it('keeps links that stay inside', async () => {
    const entries = [
      { name: 'lib/a', content: 'x' },
      { name: 'lib/b', content: 'a', unixMode: 0o120777 },
    ]
    expect(await unpack(rawZip(entries))).toEqual({ 'lib/a': 'x', 'lib/b': '-> a' })
  })
})

describe('what is refused', () => {
  it.each([
    ['a path that goes up', { name: '../a' }, 'relative path'],
    ['a path that goes up later', { name: 'a/../../b' }, 'relative path'],
    ['a path that goes up with backslashes', { name: 'a\\..\\..\\b' }, 'relative path'],
    ['an absolute path', { name: '/etc/passwd' }, 'absolute path'],
    ['a path of Windows', { name: 'C:\\x' }, 'absolute path'],
    ['NUL in a path', { name: 'a\0b' }, 'leaves the package, or is no name'],
    ['no name', { name: '' }, 'no name for a file'],
    ['a long name', { name: 'x'.repeat(300) }, 'no name for a file'],
    ['a link that goes up', { name: 'a', content: '../../etc', unixMode: 0o120777 }, 'leaves the package'],
    ['an absolute link', { name: 'a', content: '/etc', unixMode: 0o120777 }, 'leaves the package'],
    ['a long link', { name: 'a', content: 'x'.repeat(3_000), unixMode: 0o120777 }, 'symbolic link of 3000 bytes'],
    ['a device', { name: 'a', unixMode: 0o020666 }, 'a device'],
    ['a pipe', { name: 'a', unixMode: 0o010666 }, 'a device, a socket or a pipe'],
    ['encryption', { name: 'a', content: 'x', flags: 1 }, 'a is encrypted'],
    ['strong encryption', { name: 'a', content: 'x', flags: 0x41 }, 'strong encryption'],
    ['another method', { name: 'a', content: 'x', method: 12 }, 'compressed by method 12'],
    ['a folder with contents', { name: 'a/', content: 'x' }, 'folder with contents'],
    ['fewer bytes than declared', { name: 'a', content: 'x', declaredSize: 5 }, 'a has 1 bytes, not 5'],
    ['more bytes than declared', { name: 'a', content: 'xxxxxx', declaredSize: 5 }, 'larger than'],
    ['another checksum', { name: 'a', content: 'x', declaredCrc: 1 }, 'a is damaged'],
    ['data beyond the end', { name: 'a', content: 'x', declaredPackedSize: 5_000 }, 'overflows file bounds'],
  ])('%s', async (_, entry, detail) => expect(await detailOf([entry])).toContain(detail))

  it('a large file that has more than it says, before it is all there', async () => {
    const content = Buffer.alloc(60_000_000)
    expect(await detailOf([{ name: 'a', content, declaredSize: 5_000_000 }])).toContain('too many bytes')
  })

  it.each([0, 7, 20, 40])('one bad file among many good ones, as number %i', async (at) => {
    const good: RawEntry[] = Array.from({ length: 40 }, (_, index) => ({
      name: `g${index}`,
      content: 'x'.repeat(index * 1_000),
    }))
    expect(await detailOf(good.toSpliced(at, 0, { name: 'bad', content: 'x', declaredCrc: 1 }))).toContain(
      'bad is damaged',
    )
  })

  it('names twice, files in files', async () => {
    expect(await detailOf([{ name: 'a' }, { name: 'a' }])).toBe('a is in the package twice')
    expect(await detailOf([{ name: 'a' }, { name: './a' }])).toBe('a is in the package twice')
    expect(await detailOf([{ name: 'a' }, { name: 'a/b' }])).toContain('which is not a folder')
  })

  it('what is written through a link', async () => {
    const link = { name: 'a', content: 'b', unixMode: 0o120777 }
    expect(await detailOf([link, { name: 'a/x', content: 'x' }])).toContain('which is not a folder')
  })

  it('250 MB by what is declared, and so files that share their data', async () => {
    expect(await detailOf([{ name: 'a', declaredSize: 262_144_001 }])).toContain('262144001 bytes')
    const content = Buffer.alloc(40_000_000)
    const bomb = Array.from({ length: 8 }, (_, index) => ({
      name: `f${index}`,
      content,
      ...(index === 0 ? {} : { sameDataAs: 0 }),
    }))
    const outcome = await unpack(rawZip(bomb))
    expect(outcome).toMatchObject({ kind: 'unzipped too large' })
    expect(readdirSync(folder)).toEqual([])
  })

  it('nothing, no zip, half a zip', async () => {
    const zip = await zipOf({ a: 'x'.repeat(1_000), b: 'y' })
    for (const bad of [Buffer.alloc(0), Buffer.from('hello'), zip.subarray(0, zip.length - 5), zip.subarray(10)])
      expect(await unpack(bad)).toMatchObject({ kind: 'unreadable' })
    expect(await unpack(rawZip([]))).toMatchObject({ detail: 'there is no file in it' })
    expect(await unpack(rawZip([{ name: 'a/' }]))).toMatchObject({ detail: 'there is no file in it' })
    expect(await unpack(rawZip([{ name: 'a' }], 3))).toMatchObject({ kind: 'unreadable' })
  })

  it('100,001 files by their declared number alone', async () => {
    const zip64 = Buffer.concat([Buffer.from('PK\x06\x06', 'latin1'), Buffer.alloc(52)])
    zip64.writeBigUInt64LE(44n, 4)
    zip64.writeBigUInt64LE(100_001n, 32)
    const locator = Buffer.alloc(20)
    locator.write('PK\x06\x07', 'latin1')
    const end = Buffer.alloc(22)
    end.write('PK\x05\x06', 'latin1')
    expect(await unpack(Buffer.concat([zip64, locator, end]))).toMatchObject({
      detail: expect.stringContaining('100001'),
    })
  })
})

const unzip = (() => {
  try {
    return execFileSync('unzip', ['-v']).length > 0
  } catch {
    return false
  }
})()

it.skipIf(!unzip)('unpacks what zip packs, as unzip does (needs zip and unzip)', async () => {
  const source = mkdtempSync(join(tmpdir(), 'sekisho-zip-source-'))
  try {
    execFileSync(
      'sh',
      [
        '-c',
        'mkdir -p a/b empty && echo 1 > a/1 && head -c 5000000 /dev/zero > a/b/zeros && ln -s ../1 a/b/up && chmod 755 a/1 && zip -qry x.zip .',
      ],
      { cwd: source },
    )
    const theirs = join(source, 'theirs')
    execFileSync('unzip', ['-q', 'x.zip', '-d', theirs], { cwd: source })
    expect(await unpack(readFileSync(join(source, 'x.zip')))).toEqual(contents(theirs))
    expect(modeOf('a/1')).toBe(0o555)
  } finally {
    rmSync(source, { recursive: true })
  }
})
