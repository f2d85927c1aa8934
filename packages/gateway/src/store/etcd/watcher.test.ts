import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { Recorder } from '../backend/testing/recorder.ts'
import { FakeEtcd } from './testing/fake-etcd.ts'
import { open } from './testing/open-stores.ts'

describe('a watch of an etcd that is not to be trusted in everything', () => {
  let etcd: FakeEtcd
  let recorder: Recorder

  beforeEach(async () => {
    etcd = await FakeEtcd.start()
    onTestFinished(() => etcd.stop())
    recorder = new Recorder()
    const backend = await open({ endpoints: [etcd.url], prefix: '/p' })
    onTestFinished(backend.watch(1, recorder))
  })

  test('progress that was asked for comes before events that it covers (before 3.4.26): they are told all the same', async () => {
    const watch = await etcd.nextWatch()
    watch.progress(10, true)
    watch.progress(10, true)
    watch.put('/p/routes/1', 5)
    watch.put('/p/routes/2', 10)
    await recorder.reached(10)
    expect(recorder.eventKeys()).toEqual(['routes/1', 'routes/2'])
  })

  test('and when the connection breaks in between, the watch goes on from the last event, not from what progress said', async () => {
    const first = await etcd.nextWatch()
    first.put('/p/routes/1', 4)
    for (let times = 0; times < 5; times++) first.progress(10, true)
    first.end()
    const second = await etcd.nextWatch()
    // The last that was seen comes again, and is not told again.
    expect(second.startRevision).toBe(4)
    second.put('/p/routes/1', 4)
    second.put('/p/routes/2', 5)
    second.put('/p/routes/3', 10)
    await recorder.reached(10)
    expect(recorder.changes.map(({ revision }) => revision)).toEqual([4, 5, 10])
    expect(recorder.eventKeys()).toEqual(['routes/1', 'routes/2', 'routes/3'])
    expect(recorder.resyncs).toEqual([])
  })

  test('progress that etcd tells by itself is where a watch goes on, so that compaction does no harm', async () => {
    const first = await etcd.nextWatch()
    expect(first.startRevision).toBe(1)
    first.put('/p/routes/1', 4)
    first.progress(1_000, false)
    // Of a member that is behind (etcd #20221).
    first.progress(900, false)
    first.end()
    expect((await etcd.nextWatch()).startRevision).toBe(1_000)
    expect(recorder.resyncs).toEqual([])
  })

  test('an event behind such progress is told, too', async () => {
    const watch = await etcd.nextWatch()
    watch.progress(10, false)
    watch.put('/p/routes/1', 5)
    await recorder.reached(5)
    expect(recorder.eventKeys()).toEqual(['routes/1'])
  })
})
