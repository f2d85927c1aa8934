import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConnectionRegistry, type HeldConnection } from './connection-registry.ts'

const scope = { stage: 'prod', routeId: undefined }
const state = { connectedAt: 'a', lastActiveAt: 'b', identity: { sourceIp: 'c', userAgent: 'd' } }

function held(parts: Partial<HeldConnection> = {}): HeldConnection & { readonly posted: string[] } {
  const posted: string[] = []
  return {
    posted,
    routeId: 'r',
    stage: 'prod',
    state: () => state,
    post: (data) => posted.push(data.toString()) > 0,
    disconnect: () => void posted.push('disconnected'),
    ...parts,
  }
}

// Two registries of one thread speak as those of two threads do: over the channel.
describe('connections of several threads', () => {
  const [one, two] = [new ConnectionRegistry(), new ConnectionRegistry()]
  let closers: (() => void)[] = []
  beforeEach(() => void (closers = [one.open(), two.open()]))
  afterEach(() => closers.forEach((close) => close()))

  it('are reached wherever they are', async () => {
    const connection = held()
    const id = two.newId()
    two.add(id, connection)
    for (const registry of [one, two]) {
      expect(await registry.ask(id, 'post', scope, Buffer.from('hello'))).toBe('done')
      expect(await registry.ask(id, 'get', scope)).toEqual(state)
      expect(await registry.ask(id, 'delete', scope)).toBe('done')
    }
    expect(connection.posted).toEqual(['hello', 'disconnected', 'hello', 'disconnected'])
    two.remove(id)
    expect(await one.ask(id, 'get', scope)).toBe('gone')
  })

  it('keep to their stage and route', async () => {
    const id = one.newId()
    one.add(id, held())
    expect(await two.ask(id, 'get', { stage: 'test', routeId: undefined })).toBe('gone')
    expect(await two.ask(id, 'get', { stage: 'prod', routeId: 'other' })).toBe('gone')
    expect(await two.ask(id, 'get', { stage: 'prod', routeId: 'r' })).toEqual(state)
  })

  it('say when a client takes no more', async () => {
    const id = one.newId()
    one.add(id, held({ post: () => false }))
    expect(await two.ask(id, 'post', scope, Buffer.from('x'))).toBe('limit')
  })

  it('are gone with their thread', async () => {
    const id = two.newId()
    closers[1]()
    expect(await one.ask(id, 'get', scope)).toBe('gone')
    expect(await one.ask('L0SM9cOFvHcCIhw=', 'get', scope)).toBe('gone')
    expect(await one.ask('', 'get', scope)).toBe('gone')
  })
})
