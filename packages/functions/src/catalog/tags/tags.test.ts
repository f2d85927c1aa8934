import { afterEach, beforeEach, expect, it } from 'vitest'
import { ARN, CatalogHarness } from '../testing/catalog-harness.ts'

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create()
  await catalog.create('f', { Tags: { a: '1' } })
})
afterEach(() => catalog.dispose())

const labels = { Resource: `${ARN}:f` }

it('are added, replaced, removed and listed', async () => {
  const { RevisionId } = await catalog.on('GetFunctionConfiguration', 'f')
  expect(await catalog.answer('TagResource', { labels, body: { Tags: { a: '2', b: '' } } })).toEqual({ status: 204 })
  expect(await catalog.call('ListTags', { labels })).toEqual({ Tags: { a: '2', b: '' } })
  expect(await catalog.answer('UntagResource', { labels, query: 'tagKeys=a&tagKeys=none' })).toEqual({ status: 204 })
  expect((await catalog.on('GetFunction', 'f')).Tags).toEqual({ b: '' })
  expect((await catalog.on('GetFunctionConfiguration', 'f')).RevisionId).not.toBe(RevisionId)
})

it('refuse what AWS refuses', async () => {
  const tag = (Resource: string, Tags: object = { a: 'b' }) =>
    catalog.refusal('TagResource', { labels: { Resource }, body: { Tags } })
  expect(await tag('f')).toContain(
    "Value 'f' at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*):lambda:",
  )
  expect(await tag(`${ARN}:f:1`)).toContain('Tags on aliases and versions are not supported.')
  expect(await tag(`${ARN}:g`)).toBe(`404 ResourceNotFoundException Function not found: ${ARN}:g`)
  expect(await tag(labels.Resource, {})).toBe(
    '400 InvalidParameterValueException An error occurred and the request cannot be processed.',
  )
  expect(await tag(labels.Resource, { 'aws:x': '' })).toContain('must not begin with aws:')
  expect(await tag(labels.Resource, Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, ''])))).toContain(
    'Number of tags exceeds function tag limit.',
  )
  expect(await catalog.refusal('UntagResource', { labels })).toContain("Value null at 'tagKeys'")
})
