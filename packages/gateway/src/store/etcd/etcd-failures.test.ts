import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { contentOf, revisionOf } from '../backend/testing/backend-contract.ts'
import { Recorder } from '../backend/testing/recorder.ts'
import type { EtcdBackend, EtcdOptions } from './etcd-backend.ts'
import { EtcdServer, etcdProgram } from './testing/etcd-server.ts'
import { JsonGateway } from './testing/json-gateway.ts'
import { NetworkLink } from './testing/network-link.ts'
import { AUTHOR, follow, newPrefix, open as openStore, put } from './testing/open-stores.ts'

/** A tenth of what it is otherwise: a dead connection is noticed after 0.6 s. */
const HEARTBEAT_MS = 200

describe.skipIf(etcdProgram === undefined)('when etcd fails (needs etcd)', () => {
  let server: EtcdServer

  beforeAll(async () => {
    server = await EtcdServer.start()
  })
  afterAll(() => server.dispose())

  const open = (options: Partial<EtcdOptions> = {}): Promise<EtcdBackend> =>
    openStore({ endpoints: [server.url], heartbeatMs: HEARTBEAT_MS, ...options })
  const contentOfRecorder = (recorder: Recorder): Record<string, string> =>
    contentOf({ revision: 0, documents: recorder.documents })

  test('killed and started again: nothing is lost, nothing comes twice', async () => {
    const prefix = newPrefix()
    const backend = await open({ prefix })
    const recorder = await follow(backend)
    await put(backend, 'routes/1', '1')
    await server.kill()
    await recorder.until(() => recorder.states.at(-1)?.connected === false)
    expect(recorder.states.at(-1)?.reason).toContain(`127.0.0.1:${server.port}`)
    await server.start()
    // By somebody else, perhaps before the watch is back.
    await new JsonGateway(server.url).put(`${prefix}/routes/2`, '2')
    const last = await put(backend, 'routes/3', '3')
    await recorder.reached(last)
    expect(recorder.eventKeys()).toEqual(['routes/1', 'routes/2', 'routes/3'])
    expect(recorder.resyncs).toEqual([])
  })

  test('frozen: noticed by silence; thawed: goes on', async () => {
    const backend = await open({ requestTimeoutMs: 300 })
    const recorder = await follow(backend)
    server.freeze()
    onTestFinished(() => server.thaw())
    await recorder.until(() => recorder.states.at(-1)?.connected === false)
    await expect(backend.snapshot()).rejects.toThrow(/etcd/)
    server.thaw()
    await recorder.until(() => recorder.states.at(-1)?.connected === true)
    await recorder.reached(await put(backend, 'routes/1', '1'))
    expect(recorder.resyncs).toEqual([])
  })

  test('the network is cut without a word, and heals', async () => {
    const link = await NetworkLink.to(server.port)
    onTestFinished(() => link.close())
    const prefix = newPrefix()
    const near = await open({ prefix })
    const far = await open({ prefix, endpoints: [link.url], requestTimeoutMs: 500 })
    const recorder = await follow(far)
    await recorder.reached(await put(near, 'routes/1', '1'))
    link.cut()
    await put(near, 'routes/2', '2')
    await recorder.until(() => recorder.states.at(-1)?.connected === false)
    const last = await put(near, 'routes/1', undefined)
    expect(contentOfRecorder(recorder)).toEqual({ 'routes/1': '1' })
    link.heal()
    await recorder.reached(last)
    expect(recorder.eventKeys()).toEqual(['routes/1', 'routes/2', 'routes/1'])
    expect(recorder.resyncs).toEqual([])
  })

  test('an answer to a commit is lost: it is not written twice, and its revision is told', async () => {
    const prefix = newPrefix()
    const link = await NetworkLink.to(server.port)
    onTestFinished(() => link.close())
    const near = await open({ prefix })
    const far = await open({ prefix, endpoints: [link.url], requestTimeoutMs: 400 })
    await put(far, 'routes/1', '1')
    const recorder = await follow(near)
    link.loseNextAnswer('routes/lost')
    const committed = await far.commit(
      [{ key: 'routes/lost', value: '{}' }],
      [{ key: 'routes/lost', revision: 0 }],
      AUTHOR,
    )
    await recorder.reached(revisionOf(committed))
    expect(link.lost).toBeGreaterThan(0)
    expect(recorder.changes.map(({ revision }) => revision)).toEqual([committed.revision])
    expect((await near.history({ limit: 10 })).map(({ revision }) => revision)).toContain(committed.revision)
    expect(await near.history({ limit: 10 })).toHaveLength(2)
  })

  test('compacted while the network was cut: what holds now is told as a whole', async () => {
    const link = await NetworkLink.to(server.port)
    onTestFinished(() => link.close())
    const prefix = newPrefix()
    const near = await open({ prefix })
    const recorder = await follow(await open({ prefix, endpoints: [link.url], requestTimeoutMs: 500 }))
    await recorder.reached(await put(near, 'routes/1', '1'))
    link.cut()
    await recorder.until(() => recorder.states.at(-1)?.connected === false)
    await put(near, 'routes/1', undefined)
    const last = await put(near, 'routes/2', '2')
    await new JsonGateway(server.url).compact()
    link.heal()
    await recorder.reached(last)
    expect(recorder.resyncs).toHaveLength(1)
    expect(contentOfRecorder(recorder)).toEqual({ 'routes/2': '2' })
    await recorder.until(() => recorder.states.at(-1)?.connected === true)
    await recorder.reached(await put(near, 'routes/3', '3'))
    expect(contentOfRecorder(recorder)).toEqual({ 'routes/2': '2', 'routes/3': '3' })
  })

  test('compacted, and the last change that was seen is still there: it just goes on', async () => {
    const backend = await open()
    const recorder = await follow(backend)
    await recorder.reached(await put(backend, 'routes/1', '1'))
    await new JsonGateway(server.url).compact()
    await server.kill()
    await recorder.until(() => recorder.states.at(-1)?.connected === false)
    await server.start()
    await recorder.reached(await put(backend, 'routes/2', '2'))
    expect(recorder.eventKeys()).toEqual(['routes/1', 'routes/2'])
    expect(recorder.resyncs).toEqual([])
  })

  // etcd before 3.4.34 and 3.5.16 leaves the deletion out when a watch begins at its revision.
  test('compacted at the one revision that was missed, a deletion: it is not lost', async () => {
    const link = await NetworkLink.to(server.port)
    onTestFinished(() => link.close())
    const prefix = newPrefix()
    const near = await open({ prefix })
    const recorder = await follow(await open({ prefix, endpoints: [link.url], requestTimeoutMs: 500 }))
    await put(near, 'routes/1', '1')
    await recorder.reached(await put(near, 'routes/2', '2'))
    link.cut()
    await recorder.until(() => recorder.states.at(-1)?.connected === false)
    const deleted = await put(near, 'routes/1', undefined)
    const gateway = new JsonGateway(server.url)
    expect(await gateway.revision()).toBe(deleted)
    await gateway.compact()
    link.heal()
    await recorder.until(() => recorder.states.at(-1)?.connected === true)
    await recorder.reached(await put(near, 'routes/3', '3'))
    expect(contentOfRecorder(recorder)).toEqual({ 'routes/2': '2', 'routes/3': '3' })
  })

  test('restored from an older backup, with the revision behind: what holds now is told as a whole', async () => {
    const problems: unknown[] = []
    const backend = await open({ onProblem: (error) => problems.push(error) })
    await put(backend, 'routes/1', '1')
    await server.kill('SIGTERM')
    server.backup()
    await server.start()
    const recorder = await follow(backend)
    for (let count = 0; count < 5; count++) await recorder.reached(await put(backend, 'routes/1', `later ${count}`))
    await server.kill('SIGTERM')
    server.restore()
    await server.start()
    await recorder.until(() => recorder.resyncs.length === 1)
    expect(contentOfRecorder(recorder)).toEqual({ 'routes/1': '1' })
    expect(String(problems[0])).toContain('restored from a backup')
    await recorder.reached(await put(backend, 'routes/2', '2'))
    expect(contentOfRecorder(recorder)).toEqual({ 'routes/1': '1', 'routes/2': '2' })
  })

  test('restored from an older backup: what was lost with it does not get into the history', async () => {
    const prefix = newPrefix()
    const gateway = new JsonGateway(server.url)
    const backend = await open({ prefix, recordDelayMs: 500 })
    await put(backend, 'routes/1', '1')
    await server.kill('SIGTERM')
    server.backup()
    await server.start()
    const recorder = await follow(backend)
    await recorder.reached(await gateway.put(`${prefix}/routes/2`, 'lost'))
    await recorder.reached(await put(backend, 'routes/3', 'lost'))
    await server.kill('SIGTERM')
    server.restore()
    await server.start()
    await recorder.until(() => recorder.resyncs.length === 1)
    await recorder.reached(await gateway.put(`${prefix}/routes/4`, '4'))
    const keys = async (): Promise<string[]> =>
      (await backend.history({ limit: 10 })).flatMap(({ changes }) => changes.map(({ key }) => key))
    await expect.poll(keys, { timeout: 10_000 }).toContain('routes/4')
    expect(await keys()).toEqual(['routes/4', 'routes/1'])
  })

  test('restored from an older backup, and written beyond the revision since: noticed all the same', async () => {
    const prefix = newPrefix()
    const link = await NetworkLink.to(server.port)
    onTestFinished(() => link.close())
    const near = await open({ prefix })
    await put(near, 'routes/1', '1')
    await server.kill('SIGTERM')
    server.backup()
    await server.start()
    const recorder = await follow(await open({ prefix, endpoints: [link.url], requestTimeoutMs: 500 }))
    await recorder.reached(await put(near, 'routes/lost', 'x'))
    link.cut()
    await server.kill('SIGTERM')
    server.restore()
    await server.start()
    for (let count = 0; count < 10; count++) await put(near, 'routes/2', String(count))
    link.heal()
    await recorder.until(() => recorder.resyncs.length === 1)
    expect(contentOfRecorder(recorder)).toEqual({ 'routes/1': '1', 'routes/2': '9' })
  })

  test('another cluster at the same address: what holds now is told as a whole', async () => {
    const own = await EtcdServer.start()
    onTestFinished(() => own.dispose())
    const backend = await open({ endpoints: [own.url] })
    const recorder = await follow(backend)
    await recorder.reached(await put(backend, 'routes/1', '1'))
    await own.kill()
    own.replace()
    await own.start()
    await recorder.until(() => recorder.resyncs.length === 1)
    expect(recorder.documents.size).toBe(0)
    await recorder.reached(await put(backend, 'routes/2', '2'))
    expect(contentOfRecorder(recorder)).toEqual({ 'routes/2': '2' })
  })

  test('one of three members is killed, another is frozen and thawed: the rest serves', async () => {
    const members = await EtcdServer.startCluster(3)
    onTestFinished(async () => {
      await Promise.all(members.map((member) => member.dispose()))
    })
    const backend = await open({ endpoints: members.map(({ url }) => url) })
    const recorder = await follow(backend)
    await recorder.reached(await put(backend, 'routes/1', '1'))
    await members[0]?.kill()
    await recorder.reached(await put(backend, 'routes/2', '2'))
    await members[0]?.start()
    members[1]?.freeze()
    await recorder.reached(await put(backend, 'routes/3', '3'))
    members[1]?.thaw()
    await recorder.reached(await put(backend, 'routes/4', '4'))
    expect(recorder.eventKeys()).toEqual(['routes/1', 'routes/2', 'routes/3', 'routes/4'])
    expect(recorder.resyncs).toEqual([])
  })

  test('two of three members are gone: the third says that it knows nothing new, and goes on when one is back', async () => {
    const members = await EtcdServer.startCluster(3)
    onTestFinished(async () => {
      await Promise.all(members.map((member) => member.dispose()))
    })
    const backend = await open({ endpoints: [members[2]?.url as string], requestTimeoutMs: 500 })
    const recorder = await follow(backend)
    await Promise.all([members[0]?.kill(), members[1]?.kill()])
    await recorder.until(() => recorder.states.at(-1)?.connected === false)
    await expect(backend.snapshot()).rejects.toThrow('etcd')
    await members[0]?.start()
    await recorder.until(() => recorder.states.at(-1)?.connected === true)
    await recorder.reached(await put(backend, 'routes/1', '1'))
    expect(recorder.resyncs).toEqual([])
  })

  test('nothing listens: refused soon, with the address; a watch waits for it', async () => {
    const own = await EtcdServer.start()
    onTestFinished(() => own.dispose())
    await own.kill()
    const backend = await open({ endpoints: [own.url], requestTimeoutMs: 300 })
    await expect(backend.snapshot()).rejects.toThrow(`127.0.0.1:${own.port}`)
    await expect(put(backend, 'routes/1', '1')).rejects.toThrow(`127.0.0.1:${own.port}`)
    const recorder = new Recorder()
    onTestFinished(backend.watch(0, recorder))
    await recorder.until(() => recorder.states.at(-1)?.connected === false)
    await own.start()
    await recorder.until(() => recorder.states.at(-1)?.connected === true)
    await recorder.reached(await put(backend, 'routes/1', '1'))
  })
})
