import { afterEach, beforeEach, expect, it } from 'vitest'
import { ARN, CatalogHarness } from '../testing/catalog-harness.ts'

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create()
})
afterEach(() => catalog.dispose())

it('says what an account may and does use', async () => {
  const { CodeSize } = await catalog.create('f', { Publish: true })
  expect(await catalog.call('GetAccountSettings')).toEqual({
    AccountLimit: {
      TotalCodeSize: 80_530_636_800,
      CodeSizeUnzipped: 262_144_000,
      CodeSizeZipped: 52_428_800,
      ConcurrentExecutions: 1_000,
      UnreservedConcurrentExecutions: 1_000,
    },
    AccountUsage: { TotalCodeSize: 2 * CodeSize, FunctionCount: 1 },
  })
})

it('answers what Terraform asks with every read', async () => {
  await catalog.create('f')
  expect(await catalog.on('GetFunctionCodeSigningConfig', 'f')).toEqual({ FunctionName: 'f' })
  expect(await catalog.refusalOn('GetFunctionCodeSigningConfig', 'g')).toBe(
    `404 ResourceNotFoundException Function not found: ${ARN}:g`,
  )
  expect(await catalog.on('GetRuntimeManagementConfig', 'f')).toEqual({
    UpdateRuntimeOn: 'Auto',
    FunctionArn: `${ARN}:f:$LATEST`,
  })
  expect(await catalog.on('PutRuntimeManagementConfig', 'f', { UpdateRuntimeOn: 'FunctionUpdate' })).toMatchObject({
    UpdateRuntimeOn: 'FunctionUpdate',
  })
  expect((await catalog.on('GetRuntimeManagementConfig', 'f')).UpdateRuntimeOn).toBe('FunctionUpdate')
  expect(await catalog.refusalOn('PutRuntimeManagementConfig', 'f', { UpdateRuntimeOn: 'Manual' })).toContain(
    'Manual is not supported',
  )
  expect(await catalog.on('GetFunctionRecursionConfig', 'f')).toEqual({ RecursiveLoop: 'Terminate' })
  expect(await catalog.on('PutFunctionRecursionConfig', 'f', { RecursiveLoop: 'Allow' })).toEqual({
    RecursiveLoop: 'Allow',
  })
  expect(await catalog.on('GetFunctionRecursionConfig', 'f')).toEqual({ RecursiveLoop: 'Allow' })
})

it('names every operation once, on a path of its own', () => {
  const { operations } = catalog.catalog
  expect(new Set(operations.map(({ name }) => name)).size).toBe(operations.length)
  expect(new Set(operations.map(({ method, path }) => `${method} ${path}`)).size).toBe(operations.length)
})
