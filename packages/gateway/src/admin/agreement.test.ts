import { expect, onTestFinished, test, vi } from 'vitest'
import { StoreControlPlane } from '../control/store-control-plane.ts'
import { PluginRegistry } from '../plugins/plugin-registry.ts'
import { MemoryBackend } from '../store/backend/testing/memory-backend.ts'
import { testDocumentStore } from '../store/documents/testing/test-document-store.ts'
import { type Asked, adminTester } from './testing/admin-tester.ts'

async function storeTester() {
  const plugins = new PluginRegistry()
  await plugins.loadAll()
  const backend = new MemoryBackend()
  const store = testDocumentStore(backend, { plugins })
  await store.load()
  return adminTester({ control: new StoreControlPlane(store, backend) })
}

interface Change {
  readonly kind: string
  readonly id: string
}

interface Answer {
  readonly problems?: readonly unknown[]
  readonly changes?: readonly Change[]
  readonly list?: readonly { readonly key?: string; readonly changes?: readonly Change[] }[]
}

/** What must be the same: not the order of what has none, and not which of two that do not get along is to blame. */
function essence({ status, body }: Asked): unknown {
  const answer = body as Answer | undefined
  if (answer?.problems !== undefined) return { status, refused: true }
  const { changes, list, ...rest } = answer ?? {}
  const entries = list?.map((one) => (one.changes === undefined ? one : { ...one, changes: byName(one.changes) }))
  return {
    status,
    rest,
    changes: changes && byName(changes),
    list: entries?.toSorted((a, b) => ((a.key ?? '') < (b.key ?? '') ? -1 : 1)),
  }
}

const byName = (changes: readonly Change[]): readonly Change[] =>
  changes.toSorted((a, b) => (`${a.kind}/${a.id}` < `${b.kind}/${b.id}` ? -1 : 1))

test('on a store, the API says what it says on a control plane that checks everything each time', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9)
  let state = seed
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!
  const id = () => pick(['1', '2', 'a'])
  const nodes = () => ({ [`127.0.0.1:${pick([1, 2])}`]: 1 })
  const key = () => ({ plugins: { 'key-auth': { key: pick(['one', 'two']) } } })
  const route = (): object => ({
    uri: pick(['/a', '/b', 'c']),
    ...pick([{ upstream_id: id() }, { service_id: id() }, { upstream: { nodes: nodes() } }]),
  })
  const requests: (() => [method: string, path: string, body?: unknown])[] = [
    () => ['PUT', `/upstreams/${id()}`, { nodes: nodes(), ...pick([{}, { type: 'chash' }, { key: 1 }]) }],
    () => ['PUT', `/services/${id()}`, pick([{ upstream_id: id() }, { upstream: { nodes: nodes() } }])],
    () => ['PUT', `/routes/${id()}`, route()],
    () => ['POST', '/routes', route()],
    () => ['PATCH', `/routes/${id()}`, pick([{ name: 'n' }, { uri: '/p' }, { uri: null }, { upstream_id: id() }])],
    () => ['PATCH', `/upstreams/${id()}/nodes`, nodes()],
    () => ['DELETE', `/${pick(['routes', 'services', 'upstreams', 'consumers'])}/${id()}`],
    () => ['PUT', `/consumers/${id()}`, pick([{}, key()])],
    () => ['PUT', `/consumers/${id()}/credentials/${id()}`, key()],
    () => ['DELETE', `/consumers/${id()}/credentials/${id()}`],
    () => ['PUT', `/global_rules/${id()}`, { plugins: { [pick(['cors', 'prometheus'])]: {} } }],
    () => [
      'POST',
      `/transaction${pick(['', '?replace=true', '?dry_run=true'])}`,
      { upstreams: [{ id: id(), nodes: nodes() }], routes: [{ id: id(), ...route() }] },
    ],
    () => ['GET', `/${pick(['routes', 'upstreams', 'consumers'])}`],
    () => ['GET', `/routes/${id()}`],
    () => ['GET', '/history?limit=3'],
    () => ['GET', `/diff?from=${1 + random(5)}`],
    () => ['POST', '/rollback', { revision: 1 + random(8) }],
    () => ['GET', '/configs'],
  ]
  // A second that ends between two requests would show in their times.
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const [fake, real] = [await adminTester(), await storeTester()]
  for (let round = 0; round < 150; round++) {
    vi.advanceTimersByTime(1_000)
    const request = pick(requests)()
    const [expected, got] = [await fake.ask(...request), await real.ask(...request)]
    expect({ seed, round, request, answer: essence(got) }).toEqual({ seed, round, request, answer: essence(expected) })
  }
})
