import { describe, expect, it } from 'vitest'
import { MAX_SHARED_BYTES, MAX_SHARED_KEYS, SharedData } from './shared-data.ts'
import { MAX_QUEUED, MAX_QUEUED_BYTES, MAX_QUEUES, SharedQueues } from './shared-queues.ts'

const nobody = { onQueueReady: (): void => undefined }

describe('SharedData', () => {
  it('writes from the value that was read, or from any', () => {
    const shared = new SharedData()
    expect(shared.set('k', Buffer.from('a'), 0)).toBe('ok')
    const cas = shared.get('k')?.cas ?? 0
    expect(shared.set('k', Buffer.from('b'), cas)).toBe('ok')
    expect([shared.set('k', Buffer.from('c'), cas), shared.set('new', Buffer.from('c'), 7)]).toEqual([
      'changed',
      'changed',
    ])
    expect(shared.get('k')?.value.toString()).toBe('b')
  })

  it('takes so many keys and bytes', () => {
    const shared = new SharedData()
    for (let key = 0; key < MAX_SHARED_KEYS; key++) shared.set(`${key}`, Buffer.alloc(0), 0)
    expect([shared.set('more', Buffer.alloc(0), 0), shared.set('0', Buffer.alloc(1), 0)]).toEqual(['full', 'ok'])
    expect(shared.set('0', Buffer.alloc(MAX_SHARED_BYTES), 0)).toBe('full')
  })
})

describe('SharedQueues', () => {
  it('take so many queues, messages and bytes', () => {
    const queues = new SharedQueues()
    for (let name = 0; name < MAX_QUEUES; name++) expect(queues.register(`${name}`, nobody)).toBe(name + 1)
    expect([queues.register('more', nobody), queues.register('5', nobody)]).toEqual([undefined, 6])
    expect([queues.enqueue(1, Buffer.alloc(MAX_QUEUED_BYTES)), queues.enqueue(1, Buffer.alloc(1))]).toEqual([
      'ok',
      'full',
    ])
    for (let message = 0; message < MAX_QUEUED; message++) queues.enqueue(2, Buffer.alloc(0))
    expect(queues.enqueue(2, Buffer.alloc(0))).toBe('full')
    queues.dequeue(2)
    expect(queues.enqueue(2, Buffer.alloc(0))).toBe('ok')
  })
})
