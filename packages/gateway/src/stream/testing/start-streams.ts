import type { AddressInfo } from 'node:net'
import type { ServingListener, StreamServeOptions } from '@sekisho/proxy'
import { onTestFinished } from 'vitest'
import { startGateway, type TestGateway } from '../../testing/start-gateway.ts'

export interface StreamGateway extends Omit<TestGateway, 'update'> {
  readonly update: (document: object) => Promise<void>
  /** Of the stream listener. */
  readonly streamPort: number
  readonly listener: ServingListener
}

const ANY_LISTENER = {
  tcp: { address: '127.0.0.1:0', protocol: 'tcp', tls: 'passthrough' },
  udp: { address: '127.0.0.1:0', protocol: 'udp' },
}

/** A gateway with one stream listener, until the test is finished. The document needs no `listen`. */
export async function startStreams(document: object, serve: StreamServeOptions = {}): Promise<StreamGateway> {
  const listen = [ANY_LISTENER[serve.transport ?? 'tcp']]
  const gateway = await startGateway({ listen, ...document })
  const listener = await gateway.worker.streams.serve({ host: '127.0.0.1', port: 0 }, serve)
  onTestFinished(async () => {
    listener.stopAccepting()
    await listener.drain(0)
    await gateway.close()
  })
  return {
    ...gateway,
    listener,
    streamPort: (listener.address as AddressInfo).port,
    update: (wanted) => gateway.update({ listen, ...wanted }),
  }
}
