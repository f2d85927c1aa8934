import type { AddressInfo } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { startGateway, type TestGateway } from '../../testing/start-gateway.ts'
import type { CertificatePair } from '../ssl-table.ts'
import { TlsClient, type TlsAnswer } from './tls-client.ts'

/** A gateway in this thread with a TLS listener. All clients of a test are closed with it. */
export class TlsGateway {
  readonly gateway: TestGateway
  readonly port: number
  private readonly clients = new Set<TlsClient>()
  private readonly end: () => Promise<void>

  private constructor(gateway: TestGateway, port: number, end: () => Promise<void>) {
    this.gateway = gateway
    this.port = port
    this.end = end
  }

  /** @param document what `sekisho.yaml` would be; every path leads to the echo upstream unless it says otherwise */
  static async start(
    document: object,
    { http2 = true, fallback }: { http2?: boolean; fallback?: CertificatePair } = {},
  ): Promise<TlsGateway> {
    const gateway = await startGateway(withRoute(document))
    const tls = gateway.worker.table.ssls.listener({ name: 'test', http2, fallback })
    const listener = await gateway.worker.proxy.serve({ host: '127.0.0.1', port: 0 }, { tls, http2 })
    return new TlsGateway(gateway, (listener.address as AddressInfo).port, async () => {
      listener.stopAccepting()
      await listener.drain(0)
      await gateway.close()
    })
  }

  async connect(options?: ConnectionOptions): Promise<TlsClient> {
    const client = await TlsClient.connect(this.port, options)
    this.clients.add(client)
    return client
  }

  /** One request on a connection of its own. */
  async ask(path: string, host: string, options: ConnectionOptions = { servername: host }): Promise<TlsAnswer> {
    const client = await this.connect(options)
    try {
      return await client.get(path, host)
    } finally {
      client.close()
    }
  }

  update(document: object): Promise<void> {
    return this.gateway.update(withRoute(document))
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close()
    await this.end()
  }
}

const withRoute = (document: object): object => ({
  routes: [{ id: 'all', uri: '/*', upstream_id: 'echo' }],
  ...document,
})
