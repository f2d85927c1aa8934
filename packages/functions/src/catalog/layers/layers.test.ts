import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rawZip } from '../../packages/testing/raw-zip.ts'
import { zipOf } from '../../packages/testing/zip-of.ts'
import { CatalogHarness, code, type Json } from '../testing/catalog-harness.ts'

const LAYER = 'arn:aws:lambda:us-east-1:000000000000:layer'

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create()
})
afterEach(() => catalog.dispose())

const publish = async (LayerName: string, files: Record<string, string>, more: Json = {}) =>
  catalog.call('PublishLayerVersion', {
    labels: { LayerName },
    body: { Content: { ZipFile: (await zipOf(files)).toString('base64') }, ...more },
  })
const version = (LayerName: string, VersionNumber: string) => ({ labels: { LayerName, VersionNumber } })

it('answers as AWS does', async () => {
  const more = {
    Description: 'd',
    CompatibleRuntimes: ['nodejs24.x'],
    LicenseInfo: 'MIT',
    CompatibleArchitectures: ['arm64'],
  }
  const answer = await publish('l', { 'lib/x': '1' }, more)
  expect(answer).toEqual({
    ...more,
    Content: {
      Location: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9190\/sekisho\/packages\/[0-9a-f]{64}\.zip$/),
      CodeSha256: expect.any(String),
      CodeSize: expect.any(Number),
    },
    LayerArn: `${LAYER}:l`,
    LayerVersionArn: `${LAYER}:l:1`,
    CreatedDate: '2026-11-20T15:10:00.000+0000',
    Version: 1,
  })
  expect(await catalog.call('GetLayerVersion', version('l', '1'))).toEqual(answer)
  expect(await catalog.call('GetLayerVersion', version(`${LAYER}:l`, '1'))).toEqual(answer)
  expect(await catalog.call('ListLayers', { query: { find: 'LayerVersion', Arn: `${LAYER}:l:1` } })).toEqual(answer)
})

it('never uses a number again', async () => {
  await publish('l', { x: '1' })
  await publish('l', { x: '2' })
  await catalog.call('DeleteLayerVersion', version('l', '1'))
  await catalog.call('DeleteLayerVersion', version('l', '2'))
  await catalog.call('DeleteLayerVersion', version('l', '2'))
  await catalog.reopen()
  expect((await publish('l', { x: '3' })).Version).toBe(3)
})

it('is listed: the newest of each, all of one, by what it is for', async () => {
  await publish('b', { x: '1' }, { CompatibleRuntimes: ['nodejs24.x'] })
  await publish('b', { x: '2' }, { CompatibleRuntimes: ['python3.12'] })
  await publish('a', { x: '1' })
  const layers = async (query: Json = {}) =>
    (await catalog.call('ListLayers', { query })).Layers.map((layer: Json) => [
      layer.LayerName,
      layer.LatestMatchingVersion.Version,
    ])
  expect(await layers()).toEqual([
    ['a', 1],
    ['b', 2],
  ])
  expect(await layers({ CompatibleRuntime: 'nodejs24.x' })).toEqual([['b', 1]])
  const { LayerVersions } = await catalog.call('ListLayerVersions', { labels: { LayerName: 'b' } })
  expect(LayerVersions.map((one: Json) => one.Version)).toEqual([2, 1])
  const first = await catalog.call('ListLayerVersions', { labels: { LayerName: 'b' }, query: { MaxItems: '1' } })
  const second = await catalog.call('ListLayerVersions', {
    labels: { LayerName: 'b' },
    query: { MaxItems: '1', Marker: first.NextMarker },
  })
  expect(second.LayerVersions[0].Version).toBe(1)
})

it('refuses what is not there', async () => {
  const gone = '404 ResourceNotFoundException The resource you requested does not exist.'
  expect(await catalog.refusal('GetLayerVersion', version('l', '1'))).toBe(gone)
  expect(await catalog.refusal('GetLayerVersion', version('l', '0'))).toMatch(
    /^400 InvalidParameterValueException Layer Version Cannot be less than 1/,
  )
  expect(await catalog.refusal('GetLayerVersion', version('l', 'x'))).toMatch(/^400 ValidationException/)
  expect(await catalog.refusal('ListLayers', { query: { find: 'LayerVersion', Arn: 'x' } })).toContain("at 'arn'")
  expect(await catalog.refusal('PublishLayerVersion', { labels: { LayerName: 'l' }, body: { Content: {} } })).toContain(
    'Please provide a source',
  )
  expect(await catalog.refusal('PublishLayerVersion', { labels: { LayerName: 'a b' }, body: {} })).toContain(
    "at 'layerName'",
  )
})

describe('in functions', () => {
  it('is merged in order, and stays when it is deleted', async () => {
    await publish('one', { 'lib/x': '1', y: '1' })
    await publish('two', { 'lib/x': '2' })
    const answer = await catalog.create('f', { Layers: [`${LAYER}:one:1`, `${LAYER}:two:1`] })
    expect(answer.Layers).toEqual([
      { Arn: `${LAYER}:one:1`, CodeSize: expect.any(Number) },
      { Arn: `${LAYER}:two:1`, CodeSize: expect.any(Number) },
    ])
    await catalog.call('DeleteLayerVersion', version('one', '1'))
    catalog.now += 60 * 60_000
    await catalog.catalog.collect()
    const { function: fn } = catalog.catalog.resolve('f', undefined)
    expect(await readFile(join(fn.layersDirectory!, 'lib/x'), 'utf8')).toBe('2')
    expect(await readFile(join(fn.layersDirectory!, 'y'), 'utf8')).toBe('1')
    const changed = await catalog.on('UpdateFunctionConfiguration', 'f', { Layers: [`${LAYER}:two:1`] })
    expect(changed.Layers).toHaveLength(1)
    expect(catalog.catalog.resolve('f', undefined).function.revisionId).not.toBe(fn.revisionId)
    expect(await catalog.on('UpdateFunctionConfiguration', 'f', { Layers: [] })).not.toHaveProperty('Layers')
    expect(catalog.catalog.resolve('f', undefined).function.layersDirectory).toBeUndefined()
  })

  it('is refused: six, twice, from elsewhere, not there', async () => {
    await publish('l', { x: '1' })
    await publish('l', { x: '2' })
    const create = async (Layers: string[]) =>
      catalog.refusal('CreateFunction', { body: await catalog.createBody('f', { Layers }) })
    const I = '400 InvalidParameterValueException '
    expect(await create(Array.from({ length: 6 }, () => `${LAYER}:l:1`))).toBe(
      `${I}Cannot reference more than 5 layers.`,
    )
    expect(await create([`${LAYER}:l:1`, `${LAYER}:l:2`])).toBe(
      `${I}Two different versions of the same layer are not allowed to be referenced in the same function. ${LAYER}:l:1 and ${LAYER}:l:2 are versions of the same layer.`,
    )
    expect(await create([`${LAYER}:l:3`])).toBe(`${I}Layer version ${LAYER}:l:3 does not exist.`)
    expect(await create([`${LAYER.replace('us-east-1', 'eu-west-1')}:l:1`])).toBe(
      `${I}Layers are not in the same region as the function. Layers are expected to be in region us-east-1.`,
    )
    expect(await create([`${LAYER}:l`])).toContain(
      `Value '[${LAYER}:l]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 140`,
    )
  })

  it('counts for the limit', async () => {
    const half = Buffer.alloc(131_072_001)
    const zip = rawZip([{ name: 'big', content: half }]).toString('base64')
    await catalog.call('PublishLayerVersion', { labels: { LayerName: 'big' }, body: { Content: { ZipFile: zip } } })
    const body = await catalog.createBody('f', { Code: { ZipFile: zip }, Layers: [`${LAYER}:big:1`] })
    expect(await catalog.refusal('CreateFunction', { body })).toBe(
      '400 InvalidParameterValueException Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144002 bytes.',
    )
    await catalog.create('g', { Code: { ZipFile: await code() }, Layers: [`${LAYER}:big:1`] })
    expect(await catalog.refusalOn('UpdateFunctionCode', 'g', { ZipFile: zip })).toContain(
      'exceeds the maximum allowed size',
    )
  })
})

describe('policy', () => {
  const permission = { StatementId: 's', Action: 'lambda:GetLayerVersion', Principal: '111111111111' }

  it('is added to, read, removed from', async () => {
    await publish('l', { x: '1' })
    const call = version('l', '1')
    const none = '404 ResourceNotFoundException No policy is associated with the given resource.'
    expect(await catalog.refusal('GetLayerVersionPolicy', call)).toBe(none)
    const added = await catalog.call('AddLayerVersionPermission', { ...call, body: permission })
    expect(JSON.parse(added.Statement)).toEqual({
      Sid: 's',
      Effect: 'Allow',
      Principal: { AWS: 'arn:aws:iam::111111111111:root' },
      Action: 'lambda:GetLayerVersion',
      Resource: `${LAYER}:l:1`,
    })
    const policy = await catalog.call('GetLayerVersionPolicy', call)
    expect(policy.RevisionId).toBe(added.RevisionId)
    expect(JSON.parse(policy.Policy).Statement).toHaveLength(1)
    const again = { ...call, body: permission }
    expect(await catalog.refusal('AddLayerVersionPermission', again)).toMatch(
      /^409 ResourceConflictException The statement id \(s\)/,
    )
    expect(await catalog.refusal('AddLayerVersionPermission', { ...again, query: { RevisionId: 'x' } })).toContain(
      'Call the GetLayerPolicy API',
    )
    const sid = { labels: { ...call.labels, StatementId: 's' } }
    expect(await catalog.answer('RemoveLayerVersionPermission', sid)).toEqual({ status: 204 })
    expect(await catalog.refusal('RemoveLayerVersionPermission', sid)).toContain('Statement s is not found')
    expect(await catalog.refusal('GetLayerVersionPolicy', version('l', '7'))).toBe(
      `404 ResourceNotFoundException Layer version ${LAYER}:l:7 does not exist.`,
    )
    expect(
      await catalog.refusal('AddLayerVersionPermission', { ...call, body: { ...permission, Action: 'x' } }),
    ).toContain(
      "Value 'x' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: lambda:GetLayerVersion",
    )
  })
})
