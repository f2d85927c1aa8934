import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CatalogHarness } from '../../catalog/testing/catalog-harness.ts'
import { PackageLibrary, type KnownPackage } from '../package-library.ts'
import { S3PackageStore } from '../stores/s3-package-store.ts'
import { zipOf } from '../testing/zip-of.ts'
import { S3Client, S3Error } from './s3-client.ts'
import { FakeS3 } from './testing/fake-s3.ts'

let s3: FakeS3
let client: S3Client
let directory: string
beforeEach(async () => {
  s3 = await FakeS3.start()
  client = new S3Client(s3.settings)
  directory = await mkdtemp(join(tmpdir(), 'sekisho-s3-'))
})
afterEach(async () => {
  await s3.close()
  await rm(directory, { recursive: true })
})

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

it('puts, reads, measures, lists and removes objects, with any key', async () => {
  const bytes = Buffer.alloc(300_000, 'abc')
  const file = join(directory, 'file')
  await writeFile(file, bytes)
  for (const key of ['a/b.zip', "weird !'()*~+&=?#%/ä 関所"]) {
    await client.put('code', key, bytes, bytes.length, sha256(bytes))
    expect(await client.head('code', key)).toBe(bytes.length)
    const object = await client.get('code', key)
    expect(object.size).toBe(bytes.length)
    expect((await buffer(object.stream)).equals(bytes)).toBe(true)
    await client.put('code', key, { file }, bytes.length, sha256(bytes))
    expect(s3.objects.get(key)!.bytes.equals(bytes)).toBe(true)
  }
  s3.pageSize = 1
  const keys = []
  for await (const { key } of client.list('code', '')) keys.push(key)
  expect(keys).toHaveLength(2)
  await client.remove('code', 'a/b.zip')
  expect(await client.head('code', 'a/b.zip')).toBeUndefined()
})

it('says what S3 says', async () => {
  await expect(client.get('code', 'none')).rejects.toMatchObject({ code: 'NoSuchKey', status: 404 })
  await expect(client.get('other', 'none')).rejects.toThrow('The specified bucket does not exist')
  const wrong = new S3Client({ ...s3.settings, credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'no' } })
  await expect(wrong.get('code', 'none')).rejects.toBeInstanceOf(S3Error)
  await expect(new S3Client({ ...s3.settings, endpoint: 'http://127.0.0.1:1' }).get('code', 'a')).rejects.toThrow(
    /ECONNREFUSED/,
  )
})

describe('a bucket of packages', () => {
  it('serves several nodes', async () => {
    const store = () => new S3PackageStore({ ...s3.settings, bucket: 'code', prefix: 'functions/' })
    const [one, two] = ['one', 'two'].map(
      (name) => new PackageLibrary({ directory: join(directory, name), store: store() }),
    )
    await one!.open()
    await two!.open()
    const { sha256: name } = (await one!.add(await zipOf({ bootstrap: 'x' }), true)) as KnownPackage
    one!.release(name)
    expect([...s3.objects.keys()]).toEqual([`functions/${name}.zip`])
    expect(two!.ready(name, [])).toBe(false)
    await two!.prepare(name, [])
    expect(await readFile(join(two!.codeDirectory(name), 'bootstrap'), 'utf8')).toBe('x')
    expect(await two!.openPackage('0'.repeat(64))).toBeUndefined()
    expect(await one!.collect(new Set(), [])).toBe(1)
    expect(s3.objects.size, 'another node may be about to refer to it').toBe(1)
    s3.objects.set(`functions/${name}.zip`, { bytes: Buffer.alloc(0), modified: new Date(Date.now() - 3_700_000) })
    expect(await one!.collect(new Set(), [])).toBe(1)
    expect(s3.objects.size).toBe(0)
  })

  it('says at the start that it cannot be used', async () => {
    const store = new S3PackageStore({ ...s3.settings, bucket: 'other' })
    await expect(new PackageLibrary({ directory, store }).open()).rejects.toThrow(
      'the bucket other cannot be used: The specified bucket does not exist',
    )
  })
})

it('is where S3Bucket and S3Key are looked up', async () => {
  const catalog = await CatalogHarness.create({ s3: client })
  try {
    const zip = await zipOf({ bootstrap: 'x' })
    s3.objects.set('dir/code.zip', { bytes: zip, modified: new Date() })
    const made = await catalog.create('f', { Code: { S3Bucket: 'code', S3Key: 'dir/code.zip' } })
    expect(made.CodeSize).toBe(zip.length)
    expect(await catalog.refusalOn('UpdateFunctionCode', 'f', { S3Bucket: 'code', S3Key: 'none' })).toBe(
      '400 InvalidParameterValueException Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.',
    )
  } finally {
    await catalog.dispose()
  }
})
