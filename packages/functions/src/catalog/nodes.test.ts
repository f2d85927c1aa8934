import { afterEach, beforeEach, expect, it } from 'vitest'
import { MemoryState } from '../state/memory-state.ts'
import { CatalogHarness, code } from './testing/catalog-harness.ts'

// Two nodes on one store, as with etcd.
let one: CatalogHarness
let two: CatalogHarness
beforeEach(async () => {
  const state = new MemoryState()
  one = await CatalogHarness.create({ state })
  two = await CatalogHarness.create({ state })
})
afterEach(async () => {
  await one.dispose()
  await two.dispose()
})

it("see each other's functions, and tell their engines", async () => {
  const told: unknown[][] = []
  two.catalog.attach({
    reserve: (...call) => told.push(['reserve', ...call]),
    provision: () => {},
    provisioned: () => undefined,
    retire: (...call) => told.push(['retire', ...call]),
  })
  await one.create('f')
  const { revisionId } = two.catalog.resolve('f', undefined).function
  await one.on('PutFunctionConcurrency', 'f', { ReservedConcurrentExecutions: 3 })
  await one.on('UpdateFunctionConfiguration', 'f', { Timeout: 9 })
  const now = two.catalog.resolve('f', undefined).function
  expect(now.timeoutMs).toBe(9_000)
  expect(told).toEqual([
    ['retire', 'f', '$LATEST', revisionId],
    ['reserve', 'f', 3],
    ['retire', 'f', '$LATEST', now.revisionId],
  ])
})

it('lose nothing when both change the same function', async () => {
  await one.create('f')
  const nodes = [one, two]
  await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      nodes[index % 2]!.on('AddPermission', 'f', { StatementId: `s${index}`, Action: 'lambda:*', Principal: '*' }),
    ),
  )
  const { Policy } = await one.on('GetPolicy', 'f')
  expect(JSON.parse(Policy).Statement).toHaveLength(30)
})

it('publish numbers that differ', async () => {
  await one.create('f')
  const versions: string[] = []
  for (let index = 0; index < 6; index++) {
    const node = index % 2 === 0 ? one : two
    versions.push(
      (await node.on('UpdateFunctionCode', 'f', { ZipFile: await code(`${index}`), Publish: true })).Version,
    )
  }
  expect(versions).toEqual(['1', '2', '3', '4', '5', '6'])
})
