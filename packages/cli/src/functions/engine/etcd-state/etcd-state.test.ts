import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeState } from '../../../../../functions/src/state/testing/state-contract.ts'
import type { StateRecord } from '@sekisho/functions/internal/state/state-store'
import { openEtcdClient } from '@sekisho/gateway/internal/store/etcd/client/open-client'
import { EtcdServer, etcdProgram } from '../../../../../gateway/src/store/etcd/testing/etcd-server.ts'
import { JsonGateway } from '../../../../../gateway/src/store/etcd/testing/json-gateway.ts'
import { NetworkLink } from '../../../../../gateway/src/store/etcd/testing/network-link.ts'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { EtcdState, type EtcdStateOptions } from './etcd-state.ts'

let stores = 0
const newPrefix = (): string => `/functions-${stores++}`

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'sekisho-etcd-state-'))

describe.skipIf(etcdProgram === undefined)('with a real store (needs etcd)', () => {
  let server: EtcdServer
  beforeAll(async () => {
    server = await EtcdServer.start()
  })
  afterAll(() => server.dispose())

  describeState('etcd', async () => {
    const folder = await newFolder()
    const prefix = newPrefix()
    return {
      open: () =>
        EtcdState.open({
          endpoints: [server.url],
          prefix,
          node: 'node-1',
          copy: join(folder, 'copy.mdb'),
          onProblem: () => undefined,
        }),
      dispose: () => rm(folder, { recursive: true }),
    }
  })

  /** A node of its own; ends with the test. */
  async function open(options: Partial<EtcdStateOptions> = {}): Promise<{ state: EtcdState; problems: string[] }> {
    const folder = await newFolder()
    onTestFinished(() => rm(folder, { recursive: true }))
    const problems: string[] = []
    const state = await EtcdState.open({
      endpoints: [server.url],
      prefix: newPrefix(),
      node: `node-${stores++}`,
      copy: join(folder, 'copy.mdb'),
      onProblem: (message) => problems.push(message),
      ...options,
    })
    onTestFinished(() => state.close())
    return { state, problems }
  }

  function follow(state: EtcdState, prefix = ''): Map<string, string> {
    const records = new Map<string, string>()
    onTestFinished(
      state.watch(prefix, (key, record: StateRecord | undefined) => {
        if (record === undefined) records.delete(key)
        else records.set(key, record.value)
      }),
    )
    return records
  }

  it('tells other nodes, and keeps them out of what is under another prefix', async () => {
    const prefix = newPrefix()
    const { state: one } = await open({ prefix })
    const { state: two } = await open({ prefix })
    const { state: other } = await open({ prefix: `${prefix}0` })
    const [seen, elsewhere] = [follow(two, 'functions/'), follow(other)]
    await one.commit([
      { key: 'functions/a', value: '1' },
      { key: 'queue/x', value: '2' },
    ])
    await vi.waitFor(() => expect([...seen]).toEqual([['functions/a', '1']]))
    expect(await two.get('queue/x')).toMatchObject({ value: '2' })
    await two.commit([{ key: 'functions/a', value: undefined }])
    expect(seen.size).toBe(0)
    expect(await one.list('')).toHaveLength(1)
    expect(elsewhere.size).toBe(0)
    expect(await other.list('')).toEqual([])
  })

  it('lets one of two nodes through, many times over', async () => {
    const prefix = newPrefix()
    const nodes = await Promise.all([open({ prefix }), open({ prefix })])
    const add = async ({ state }: { state: EtcdState }): Promise<void> => {
      for (let left = 20; left > 0;) {
        const record = await state.get('counter')
        const value = String(Number(record?.value ?? 0) + 1)
        if (await state.commit([{ key: 'counter', value }], [{ key: 'counter', revision: record?.revision ?? 0 }]))
          left--
      }
    }
    await Promise.all(nodes.map(add))
    expect((await nodes[0]!.state.get('counter'))?.value).toBe('40')
  })

  it('carries a commit out once when the answer is lost', async () => {
    const link = await NetworkLink.to(server.port)
    onTestFinished(() => link.close())
    const prefix = newPrefix()
    const { state } = await open({ prefix, endpoints: [link.url], heartbeatMs: 100 })
    await state.commit([{ key: 'a', value: '1' }])
    const { revision } = (await state.get('a'))!
    // The request passes, the answer does not, and what is asked next waits until the network is back.
    link.cutAfter('only-once')
    const written = state.commit([{ key: 'a', value: 'only-once' }], [{ key: 'a', revision }])
    const { state: witness } = await open({ prefix })
    await vi.waitFor(async () => expect((await witness.get('a'))?.value).toBe('only-once'))
    link.heal()
    expect(await written).toBe(true)
    expect((await state.get('a'))?.value).toBe('only-once')
  })

  it('refuses what etcd takes in no request, and says why', async () => {
    const { state } = await open()
    await expect(state.commit([{ key: 'a', value: 'x'.repeat(1_560_000) }])).rejects.toThrow(/1\.5 MiB/)
    const halves = ['a', 'b'].map((key) => ({ key, value: 'x'.repeat(800_000) }))
    await expect(state.commit(halves)).rejects.toThrow(/1\.5 MiB/)
    expect(await state.commit([{ key: 'a', value: 'x'.repeat(1_530_000) }])).toBe(true)
  })
})

describe.skipIf(etcdProgram === undefined)('users of etcd (needs etcd)', () => {
  let server: EtcdServer
  let folder: string
  beforeAll(async () => {
    server = await EtcdServer.start()
    folder = await newFolder()
    // The prefix with a slash behind it is enough.
    await new JsonGateway(server.url).enableUsers('jane', 'secret', '/functions/')
  })
  afterAll(async () => {
    await server.dispose()
    await rm(folder, { recursive: true })
  })

  const options = (more: Partial<EtcdStateOptions>): EtcdStateOptions => ({
    endpoints: [server.url],
    prefix: '/functions',
    node: 'node-1',
    copy: join(folder, 'copy.mdb'),
    onProblem: () => undefined,
    ...more,
  })

  it('need what the documentation says, and no more', async () => {
    const state = await EtcdState.open(options({ user: 'jane', password: 'secret' }))
    onTestFinished(() => state.close())
    const seen: string[] = []
    state.watch('', (key) => seen.push(key))
    expect(await state.commit([{ key: 'functions/a', value: '1' }], [{ key: 'functions/a', revision: 0 }])).toBe(true)
    expect(await state.list('functions/')).toHaveLength(1)
    expect(seen).toEqual(['functions/a'])
  })

  it.each([
    [{}, /set user and password/],
    [{ user: 'jane', password: 'wrong' }, /user or password of the store is wrong/],
    [{ user: 'jane', password: 'secret', prefix: '/other' }, /grant the user/],
  ])('%o: refused with what to do', async (more, words) => {
    await expect(EtcdState.open(options(more))).rejects.toThrow(words)
  })
})

describe.skipIf(etcdProgram === undefined)('when etcd comes and goes (needs etcd)', () => {
  let server: EtcdServer
  let folder: string
  beforeAll(async () => {
    server = await EtcdServer.start()
    folder = await newFolder()
  })
  afterAll(async () => {
    await server.dispose()
    await rm(folder, { recursive: true })
  })

  let problems: string[]
  async function open(prefix: string, copy: string): Promise<EtcdState> {
    problems = []
    const state = await EtcdState.open({
      endpoints: [server.url],
      prefix,
      node: 'node-1',
      copy: join(folder, copy),
      onProblem: (message) => problems.push(message),
      heartbeatMs: 100,
    })
    onTestFinished(() => state.close())
    return state
  }

  it('refuses writes within bounded time with the reason, and goes on when it is back', async () => {
    const prefix = newPrefix()
    const state = await open(prefix, 'a')
    await state.commit([{ key: 'functions/a', value: '1' }])
    const seen: string[] = []
    state.watch('', (key) => seen.push(key))
    await server.kill()
    const since = performance.now()
    await expect(state.commit([{ key: 'functions/b', value: '1' }])).rejects.toMatchObject({
      name: 'StateUnavailable',
      message: expect.stringContaining('127.0.0.1'),
    })
    await expect(state.get('functions/a')).rejects.toMatchObject({ name: 'StateUnavailable' })
    expect(performance.now() - since).toBeLessThan(12_000)
    await server.start()
    await vi.waitFor(async () => expect(await state.commit([{ key: 'functions/c', value: '1' }])).toBe(true), {
      timeout: 10_000,
    })
    expect(seen).toContain('functions/c')
    expect(problems.join('\n')).toMatch(/etcd is away.*\n.*etcd is back/)
  })

  it('starts with what it last saw, and hears what was changed meanwhile', async () => {
    const prefix = newPrefix()
    const first = await open(prefix, 'b')
    await first.commit([
      { key: 'functions/a', value: '1' },
      { key: 'functions/b', value: '1' },
      { key: 'queue/n/1', value: 'event' },
    ])
    await first.close()
    await server.kill()

    const state = await open(prefix, 'b')
    expect(problems[0]).toMatch(/etcd is away/)
    expect((await state.list('functions/')).map(({ key }) => key)).toEqual(['functions/a', 'functions/b'])
    expect(await state.get('functions/a')).toMatchObject({ value: '1' })
    // Who runs an event is not to be known from a copy.
    await expect(state.list('queue/')).rejects.toMatchObject({ name: 'StateUnavailable' })
    await expect(state.commit([{ key: 'functions/c', value: '1' }])).rejects.toMatchObject({ name: 'StateUnavailable' })
    const seen: [string, string | undefined][] = []
    state.watch('functions/', (key, record) => seen.push([key, record?.value]))

    await server.start()
    const folderOfOther = await newFolder()
    const other = await EtcdState.open({
      endpoints: [server.url],
      prefix,
      node: 'node-2',
      copy: join(folderOfOther, 'copy'),
      onProblem: () => undefined,
    })
    await other.commit([
      { key: 'functions/a', value: undefined },
      { key: 'functions/b', value: '2' },
    ])
    await other.close()
    await rm(folderOfOther, { recursive: true })
    await vi.waitFor(() => expect(Object.fromEntries(seen)).toEqual({ 'functions/a': undefined, 'functions/b': '2' }), {
      timeout: 10_000,
    })
    expect((await state.list('queue/')).map(({ value }) => value)).toEqual(['event'])
  })

  it('does not start where it has never seen etcd, and says so', async () => {
    await server.kill()
    await expect(open(newPrefix(), 'never')).rejects.toThrow(/etcd \(127\.0\.0\.1:\d+\): no connection/)
    await server.start()
  })

  it('does not take the copy of another store', async () => {
    const first = await open('/mine', 'c')
    await first.commit([{ key: 'functions/a', value: '1' }])
    await first.close()
    await server.kill()
    await expect(open('/yours', 'c')).rejects.toThrow(/no connection/)
    await server.start()
  })

  it('tells what a restored backup holds, although revisions go back', async () => {
    const prefix = newPrefix()
    const state = await open(prefix, 'd')
    await state.commit([{ key: 'functions/a', value: 'old' }])
    await state.commit([{ key: 'functions/same', value: 'same' }])
    await server.kill('SIGTERM')
    server.backup()
    await server.start()
    await vi.waitFor(async () => expect(await state.commit([{ key: 'functions/a', value: 'new' }])).toBe(true))
    await state.commit([{ key: 'functions/b', value: 'new' }])
    const seen: [string, string | undefined][] = []
    state.watch('functions/', (key, record) => seen.push([key, record?.value]))
    await server.kill()
    server.restore()
    await server.start()
    await vi.waitFor(
      () =>
        expect(seen).toEqual([
          ['functions/a', undefined],
          ['functions/a', 'old'],
          ['functions/b', undefined],
        ]),
      { timeout: 10_000 },
    )
    expect(await state.commit([{ key: 'functions/b', value: 'again' }], [{ key: 'functions/b', revision: 0 }])).toBe(
      true,
    )
  })

  it('hears of everything after a compaction', async () => {
    const prefix = newPrefix()
    const link = await NetworkLink.to(server.port)
    onTestFinished(() => link.close())
    const other = await open(prefix, 'e')
    await other.commit([
      { key: 'functions/a', value: '1' },
      { key: 'functions/b', value: '1' },
    ])
    const state = await EtcdState.open({
      endpoints: [link.url],
      prefix,
      node: 'node-2',
      copy: join(folder, 'e2'),
      onProblem: () => undefined,
      heartbeatMs: 100,
    })
    onTestFinished(() => state.close())
    const records = new Map<string, string | undefined>()
    state.watch('', (key, record) => records.set(key, record?.value))
    link.cut()
    await other.commit([{ key: 'functions/a', value: undefined }])
    await other.commit([{ key: 'functions/c', value: '1' }])
    await other.commit([{ key: 'functions/b', value: '2' }])
    const client = await openEtcdClient({ endpoints: [server.url] })
    await client.compact((await other.get('functions/b'))!.revision)
    client.close()
    link.heal()
    await vi.waitFor(
      () =>
        expect([...records].sort(([one], [other]) => (one < other ? -1 : 1))).toEqual([
          ['functions/a', undefined],
          ['functions/b', '2'],
          ['functions/c', '1'],
        ]),
      { timeout: 10_000 },
    )
    expect(await state.commit([{ key: 'functions/a', value: '3' }], [{ key: 'functions/a', revision: 0 }])).toBe(true)
  })
})
