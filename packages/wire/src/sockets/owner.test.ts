import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { RecordingOwner } from '../testing/recording-owner.ts'
import { Listener } from './listener.ts'
import { handOver, ownerOf } from './owner.ts'

describe('a socket that is handed over', () => {
  it('reads into the buffer of its new owner, and tells it what happens', async () => {
    const first = new RecordingOwner()
    const second = new RecordingOwner()
    const listener = await Listener.listen(
      { host: '127.0.0.1', port: 0 },
      {
        maxConnections: 1,
        open: (socket) => {
          first.onText = () => {
            handOver(socket, second)
            socket.write('over')
          }
          second.onText = () => socket.write('again')
          second.onEnd = () => socket.end()
          return first
        },
      },
    )
    const client = connect((listener.address as AddressInfo).port, '127.0.0.1')
    client.write('one')
    await once(client, 'data')
    client.write('two')
    await once(client, 'data')
    client.end()
    await once(client.resume(), 'close')
    while (second.closed === undefined) await new Promise((resolve) => setImmediate(resolve))
    expect([first.received, first.ended, first.closed]).toEqual(['one', false, undefined])
    expect([second.received, second.ended, second.closed]).toEqual(['two', true, null])
    expect(ownerOf(client)).toBeUndefined()
    listener.stopAccepting()
  })
})
