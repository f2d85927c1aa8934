import { execFileSync } from 'node:child_process'
import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ImageCode } from '../../catalog/records/function-record.ts'
import { PackageProblem } from '../package-problem.ts'
import { layoutOf, type LayoutOptions } from '../testing/layout-of.ts'
import type { TarFile } from '../testing/tar-of.ts'
import { OciImageLibrary } from './oci-image-library.ts'

let directory: string
let library: OciImageLibrary
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sekisho-image-'))
  library = new OciImageLibrary({ directory })
  await library.open()
})
afterEach(() => rm(directory, { recursive: true }))

async function put(layers: readonly (readonly TarFile[] | Buffer)[], options?: LayoutOptions): Promise<string> {
  const path = join(directory, 'image.tar')
  await writeFile(path, layoutOf(layers, options))
  return pathToFileURL(path).href
}

async function take(layers: readonly (readonly TarFile[] | Buffer)[], options?: LayoutOptions): Promise<ImageCode> {
  const image = await library.take(await put(layers, options))
  if (image instanceof PackageProblem) throw new Error(image.detail)
  return image
}

async function problem(layers: readonly (readonly TarFile[])[], options?: LayoutOptions): Promise<string> {
  const image = await library.take(await put(layers, options))
  expect(image).toBeInstanceOf(PackageProblem)
  expect(await readdir(join(directory, 'rootfs', '.incoming'))).toEqual([])
  return (image as PackageProblem).detail
}

/** All there is: content, `-> link`, or `/` for an empty folder. */
async function contents(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const item of await readdir(root, { withFileTypes: true, recursive: true })) {
    const path = join(item.parentPath, item.name)
    const name = path.slice(root.length + 1)
    if (item.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`
    else if (item.isFile()) found[name] = await readFile(path, 'utf8')
    else if ((await readdir(path)).length === 0) found[name] = '/'
  }
  return found
}

const root = (image: ImageCode) => library.directory(image.digest!)

describe('unpacks', () => {
  it('layers over each other, with whiteouts', async () => {
    const image = await take([
      [
        { name: 'etc/', type: '5', mode: 0o755 },
        { name: 'etc/a', content: '1' },
        { name: 'etc/gone', content: '1' },
        { name: 'opaque/old', content: '1' },
        { name: 'bin/tool', content: 'x', mode: 0o4777 },
      ],
      [
        { name: './etc/a', content: '2' },
        { name: 'etc/.wh.gone' },
        { name: 'opaque/new', content: '2' },
        { name: 'opaque/.wh..wh..opq' },
        { name: 'link', type: '2', link: '/etc' },
        { name: 'hard', type: '1', link: 'etc/a' },
        { name: 'dev/null', type: '3' },
      ],
      [{ name: 'link/through', content: '3' }],
    ])
    expect(await contents(root(image))).toEqual({
      'etc/a': '2',
      'etc/through': '3',
      'opaque/new': '2',
      'bin/tool': 'x',
      link: '-> /etc',
      hard: '2',
      dev: '/',
    })
    expect((await lstat(join(root(image), 'bin/tool'))).mode & 0o7777).toBe(0o755)
  })

  it('what the configuration says', async () => {
    const config = {
      Entrypoint: ['/lambda-entrypoint.sh'],
      Cmd: ['app.handler'],
      Env: ['A=1=2', 'B='],
      WorkingDir: '/var/task',
    }
    const image = await take([[{ name: 'a' }]], { config })
    expect(image).toMatchObject({
      kind: 'image',
      entryPoint: ['/lambda-entrypoint.sh'],
      command: ['app.handler'],
      workingDirectory: '/var/task',
      environment: { A: '1=2', B: '' },
    })
    expect(image.digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('plain layers, indexes in indexes, archives by name', async () => {
    await take([[{ name: 'a', content: 'plain' }]], { gzip: false, nested: true })
    await writeFile(join(directory, 'images', 'my-image_1.0.tar'), layoutOf([[{ name: 'a', content: 'named' }]]))
    const image = (await library.take('my-image_1.0')) as ImageCode
    expect(await contents(root(image))).toEqual({ a: 'named' })
  })

  it('once, and again after it is gone', async () => {
    const image = await take([[{ name: 'a', content: 'x'.repeat(3_000_000) }]])
    const before = (await lstat(join(root(image), 'a'))).ino
    await library.take(image.uri)
    expect((await lstat(join(root(image), 'a'))).ino).toBe(before)
    expect(await library.collect(new Set())).toBe(1)
    expect(library.ready(image.digest!)).toBe(false)
    await library.prepare(image)
    expect(library.ready(image.digest!)).toBe(true)
    await library.collect(new Set())
    await put([[{ name: 'a', content: 'another' }]])
    await expect(library.prepare(image)).rejects.toThrow(/another image now/)
  })

  it('and tells how far it is', async () => {
    const steps: number[] = []
    const uri = await put([[{ name: 'a', content: 'x' }], [{ name: 'b', content: 'y' }]])
    await library.take(uri, (done, total) => steps.push(done / total))
    expect(steps.at(-1)).toBe(1)
  })
})

describe('refuses', () => {
  it.each<[string, TarFile[], string]>([
    ['paths that go up', [{ name: '../a' }], 'leaves the image'],
    ['paths that go up later', [{ name: 'a/../../b' }], 'leaves the image'],
    ['absolute paths', [{ name: '/etc/passwd' }], 'leaves the image'],
    ['hard links to elsewhere', [{ name: 'a', type: '1', link: '../../etc/passwd' }], 'leaves the image'],
    ['hard links to nothing', [{ name: 'a', type: '1', link: 'b' }], 'which is no file'],
    ['files in files', [{ name: 'a' }, { name: 'a/b' }], 'not a folder'],
    ['links in circles', [{ name: 'a', type: '2', link: 'a' }, { name: 'a/b' }], 'in a circle'],
    ['kinds that are unknown', [{ name: 'a', type: 'S' }], 'of a kind that layers do not have'],
    ['whiteouts of nothing', [{ name: 'a/.wh...' }], 'names nothing'],
  ])('%s', async (_, layer, detail) => {
    expect(await problem([layer])).toContain(detail)
  })

  it('nothing outside is touched by links that point there', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'sekisho-outside-'))
    try {
      const image = await take([
        [
          { name: 'a', type: '2', link: outside },
          { name: 'up', type: '2', link: '../../../../../../..' },
        ],
        [{ name: 'a/x', content: 'x' }, { name: `up${outside}/y`, content: 'y' }, { name: 'a/.wh.z' }],
      ])
      expect(await readdir(outside)).toEqual([])
      expect((await contents(root(image)))[`${outside.slice(1)}/x`]).toBe('x')
    } finally {
      await rm(outside, { recursive: true })
    }
  })

  it.each(['layer', 'config', 'manifest'])('a %s that is not what its digest says', async (kind) => {
    const damage = (name: string, bytes: Buffer) => {
      if (name !== kind) return bytes
      const copy = Buffer.from(bytes)
      copy[copy.length - 9]! ^= 1
      return copy
    }
    expect(await problem([[{ name: 'a', content: 'x' }]], { damage, gzip: false })).toContain('damaged')
    expect(await problem([[{ name: 'a', content: 'x' }]], { damage })).toContain('damaged')
  })

  it('other platforms, other compressions, other files', async () => {
    expect(await problem([[{ name: 'a' }]], { architecture: 's390x' })).toContain('the image is for s390x')
    expect(await problem([[{ name: 'a' }]], { architecture: 's390x', nested: true })).toContain(
      'there is no image for linux/',
    )
    const zstd = { gzip: false, layerType: 'application/vnd.oci.image.layer.v1.tar+zstd' }
    expect(await problem([[{ name: 'a' }]], zstd)).toContain('zstd, which is not known here')
    const path = join(directory, 'x.tar')
    const detail = async () => ((await library.take(pathToFileURL(path).href)) as PackageProblem).detail
    expect(await detail()).toContain('cannot be read')
    await writeFile(path, Buffer.alloc(2_000, 'x'))
    expect(await detail()).toContain('it is no tar archive')
    await writeFile(path, '')
    expect(await detail()).toContain('there is no index.json')
    expect(((await library.take('public.ecr.aws/lambda/nodejs:22')) as PackageProblem).detail).toContain(
      'there is no registry',
    )
  })

  it('archives that are cut off', async () => {
    const whole = layoutOf([[{ name: 'a', content: Buffer.alloc(100_000, 'abc') }]], { gzip: false })
    const path = join(directory, 'x.tar')
    for (const size of [100, 5_000, 50_000, whole.length - 3_000]) {
      await writeFile(path, whole.subarray(0, size))
      expect(await library.take(pathToFileURL(path).href)).toBeInstanceOf(PackageProblem)
    }
  })
})

const tar = (() => {
  try {
    return execFileSync('tar', ['--version']).includes('GNU tar')
  } catch {
    return false
  }
})()

it.skipIf(!tar).each(['gnu', 'pax', 'ustar', 'v7'])(
  'reads layers of GNU tar --format=%s as tar does (needs GNU tar)',
  async (format) => {
    const source = await mkdtemp(join(tmpdir(), 'sekisho-tar-'))
    try {
      const long = format === 'v7' ? 'short' : 'l'.repeat(format === 'ustar' ? 90 : 200)
      const script = `mkdir -p in/a/${long} in/empty out && echo 1 > in/a/${long}/ä && head -c 700000 /dev/zero > in/zeros && ln -s ../zeros in/a/link && ln in/zeros in/hard && tar --format=${format} -cf x.tar -C in . && tar -xf x.tar -C out`
      execFileSync('sh', ['-c', script], { cwd: source })
      const image = await take([await readFile(join(source, 'x.tar'))])
      expect(await contents(root(image))).toEqual(await contents(join(source, 'out')))
    } finally {
      await rm(source, { recursive: true })
    }
  },
)
