import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { OciImageLibrary } from '../../packages/image/oci-image-library.ts'
import { layoutOf } from '../../packages/testing/layout-of.ts'
import { CatalogHarness, ROLE, type Json } from '../testing/catalog-harness.ts'

let directory: string
let catalog: CatalogHarness
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sekisho-images-'))
  const images = new OciImageLibrary({ directory, architecture: 'x86_64' })
  await images.open()
  catalog = await CatalogHarness.create({ images })
})
afterEach(async () => {
  await catalog.dispose()
  await rm(directory, { recursive: true })
})

async function archive(content: string): Promise<string> {
  const path = join(directory, `${content}.tar`)
  const config = { Entrypoint: ['/run'], Cmd: ['a'], Env: ['X=1'] }
  await writeFile(path, layoutOf([[{ name: 'run', content, mode: 0o755 }]], { architecture: 'amd64', config }))
  return pathToFileURL(path).href
}

const create = (ImageUri: string, more: Json = {}) =>
  catalog.call('CreateFunction', {
    body: { FunctionName: 'i', Role: ROLE, PackageType: 'Image', Code: { ImageUri }, ...more },
  })

it('is Pending until the image is unpacked', async () => {
  const uri = await archive('one')
  const made = await create(uri, { ImageConfig: { Command: ['b'] } })
  expect(made).toMatchObject({ State: 'Pending', StateReasonCode: 'Creating', PackageType: 'Image', CodeSize: 0 })
  expect(made).not.toHaveProperty('Handler')
  expect(() => catalog.catalog.resolve('i', undefined)).toThrow(
    'The operation cannot be performed at this time. The function is currently in the following state: Pending',
  )
  expect(await catalog.refusalOn('UpdateFunctionCode', 'i', { ImageUri: uri })).toMatch(
    /^409 ResourceConflictException/,
  )
  await catalog.catalog.imagesSettled()
  const { Configuration, Code } = await catalog.on('GetFunction', 'i')
  expect(Configuration).toMatchObject({
    State: 'Active',
    LastUpdateStatus: 'Successful',
    ImageConfigResponse: { ImageConfig: { Command: ['b'] } },
  })
  expect(Code).toEqual({
    RepositoryType: 'ECR',
    ImageUri: uri,
    ResolvedImageUri: `${uri}@sha256:${Configuration.CodeSha256}`,
  })
  const resolved = catalog.catalog.resolve('i', undefined)
  expect(resolved.function).toMatchObject({
    packageType: 'Image',
    runtime: undefined,
    taskDirectory: join(directory, 'rootfs', Configuration.CodeSha256),
    image: { command: ['/run', 'b'], workingDirectory: '/', environment: { X: '1' } },
  })
  expect(catalog.catalog.prepare(resolved)).toBeUndefined()
})

it('is Failed when it cannot be', async () => {
  await create('file:///nowhere/x.tar')
  await catalog.catalog.imagesSettled()
  expect(await catalog.on('GetFunctionConfiguration', 'i')).toMatchObject({
    State: 'Failed',
    StateReasonCode: 'InvalidImage',
    StateReason: expect.stringContaining('/nowhere/x.tar cannot be read'),
  })
  await catalog.on('UpdateFunctionCode', 'i', { ImageUri: await archive('one') })
  await catalog.catalog.imagesSettled()
  expect((await catalog.on('GetFunctionConfiguration', 'i')).State).toBe('Active')
})

it('serves the old image while a new one is unpacked, or when it cannot be', async () => {
  await create(await archive('one'))
  await catalog.catalog.imagesSettled()
  const before = catalog.catalog.resolve('i', undefined).function
  expect(await catalog.on('UpdateFunctionCode', 'i', { ImageUri: 'nothing' })).toMatchObject({
    State: 'Active',
    LastUpdateStatus: 'InProgress',
  })
  expect(catalog.catalog.resolve('i', undefined).function.revisionId).toBe(before.revisionId)
  expect(await catalog.refusalOn('UpdateFunctionConfiguration', 'i', { Timeout: 9 })).toContain(
    'An update is in progress',
  )
  await catalog.catalog.imagesSettled()
  expect(await catalog.on('GetFunctionConfiguration', 'i')).toMatchObject({
    State: 'Active',
    LastUpdateStatus: 'Failed',
    LastUpdateStatusReasonCode: 'InvalidImage',
  })
  await catalog.on('UpdateFunctionCode', 'i', { ImageUri: await archive('two') })
  await catalog.catalog.imagesSettled()
  const after = catalog.catalog.resolve('i', undefined).function
  expect(after.taskDirectory).not.toBe(before.taskDirectory)
  expect((await catalog.on('PublishVersion', 'i', {})).Version).toBe('1')
})

it('goes on after a restart', async () => {
  await create(await archive('one'))
  const [record] = await catalog.state.list('functions/')
  await catalog.catalog.imagesSettled()
  await catalog.state.commit([{ key: record!.key, value: record!.value }])
  expect((await catalog.on('GetFunctionConfiguration', 'i')).State).toBe('Pending')
  await catalog.reopen()
  await catalog.catalog.imagesSettled()
  expect((await catalog.on('GetFunctionConfiguration', 'i')).State).toBe('Active')
})
