import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ARN, CatalogHarness, code, type Json } from '../testing/catalog-harness.ts'

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create()
  await catalog.create('f', { Description: 'first' })
})
afterEach(() => catalog.dispose())

const publish = (body: Json = {}) => catalog.on('PublishVersion', 'f', body)
const change = async (content: string) => catalog.on('UpdateFunctionCode', 'f', { ZipFile: await code(content) })

describe('PublishVersion', () => {
  it('makes numbers that are never used again', async () => {
    const { status } = await catalog.answer('PublishVersion', { labels: { FunctionName: 'f' } })
    expect(status).toBe(201)
    await change('2')
    expect(await publish({ Description: 'second' })).toMatchObject({
      Version: '2',
      FunctionArn: `${ARN}:f:2`,
      Description: 'second',
      State: 'Active',
    })
    await catalog.on('DeleteFunction', 'f:2')
    await change('3')
    expect((await publish()).Version).toBe('3')
  })

  it('makes none without a change', async () => {
    const first = await publish()
    expect(await publish({ Description: 'other' })).toEqual(first)
    await catalog.on('AddPermission', 'f', { StatementId: 's', Action: 'lambda:*', Principal: '*' })
    expect((await publish()).Version).toBe('1')
    await catalog.on('UpdateFunctionConfiguration', 'f', { Timeout: 4 })
    expect((await publish()).Version).toBe('2')
  })

  it('lets $LATEST go its own way', async () => {
    const first = await publish()
    await change('2')
    await catalog.on('UpdateFunctionConfiguration', 'f', { MemorySize: 512 })
    expect(await catalog.on('GetFunctionConfiguration', 'f:1')).toEqual(first)
    const one = catalog.catalog.resolve('f', '1')
    expect(one.function).toMatchObject({ version: '1', memoryMb: 128, arn: `${ARN}:f` })
    expect(one.invokedArn).toBe(`${ARN}:f:1`)
    expect(catalog.catalog.resolve('f', '$LATEST').function.memoryMb).toBe(512)
    await catalog.reopen()
    expect(await catalog.on('GetFunctionConfiguration', 'f:1')).toEqual(first)
  })

  it('refuses another state than the caller has seen', async () => {
    const { CodeSha256 } = await catalog.on('GetFunctionConfiguration', 'f')
    expect(await catalog.refusalOn('PublishVersion', 'f', { CodeSha256: 'x' })).toBe(
      `400 InvalidParameterValueException CodeSHA256 (x) is different from current CodeSHA256 in $LATEST (${CodeSha256}). Please try again with the CodeSHA256 in $LATEST.`,
    )
    expect(await catalog.refusalOn('PublishVersion', 'f', { RevisionId: 'x' })).toMatch(/^412 PreconditionFailed/)
    expect(await catalog.refusalOn('PublishVersion', 'f', { CodeSha256 })).toBe('it was accepted')
    expect(await catalog.refusalOn('PublishVersion', 'g', {})).toBe(
      `404 ResourceNotFoundException Function not found: ${ARN}:g`,
    )
  })

  it('tells of the version', async () => {
    const changes: unknown[] = []
    catalog.catalog.onChange((...one) => changes.push(one))
    await publish()
    expect(changes).toEqual([['f', '1', catalog.catalog.resolve('f', '1').function.revisionId]])
  })
})

describe('ListVersionsByFunction', () => {
  it('lists $LATEST and all others, in pages', async () => {
    for (let index = 0; index < 12; index++) {
      await catalog.on('UpdateFunctionConfiguration', 'f', { Timeout: index + 10 })
      await publish()
    }
    const numbers = ({ Versions }: Json) => Versions.map(({ Version }: Json) => Version)
    const first = await catalog.on('ListVersionsByFunction', 'f', undefined, { MaxItems: '10' })
    expect(numbers(first)).toEqual(['$LATEST', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    const rest = await catalog.on('ListVersionsByFunction', 'f', undefined, { Marker: first.NextMarker })
    expect(numbers(rest)).toEqual(['10', '11', '12'])
    expect(rest.Versions[0].FunctionArn).toBe(`${ARN}:f:10`)
    expect(await catalog.refusalOn('ListVersionsByFunction', 'g')).toMatch(/^404/)
  })
})

it('changes all versions with the tag of the network', async () => {
  await publish()
  const changes: Json[] = []
  catalog.catalog.onChange((_, version) => changes.push(version))
  const labels = { Resource: `${ARN}:f` }
  await catalog.call('TagResource', { labels, body: { Tags: { 'sekisho:network': 'host', a: 'b' } } })
  expect(changes).toEqual(['$LATEST', '1'])
  expect(catalog.catalog.resolve('f', '1').function.network).toBe('host')
  await catalog.call('UntagResource', { labels, query: 'tagKeys=a' })
  expect(changes).toHaveLength(2)
  await catalog.call('UntagResource', { labels, query: 'tagKeys=sekisho%3Anetwork&tagKeys=other' })
  expect(catalog.catalog.resolve('f', undefined).function.network).toBe('none')
})

it('removes versions of a function that is gone, which a crash left behind', async () => {
  await publish()
  const [version] = await catalog.state.list('versions/')
  await catalog.on('DeleteFunction', 'f')
  await catalog.state.commit([{ key: version!.key, value: version!.value }])
  await catalog.reopen()
  expect(await catalog.state.list('versions/')).toEqual([])
})
