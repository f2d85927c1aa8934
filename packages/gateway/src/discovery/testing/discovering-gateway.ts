import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { loadConfigText } from '../../config/load.ts'
import { NodeDiscovery } from '../../node/node-discovery.ts'
import { PluginRegistry } from '../../plugins/plugin-registry.ts'
import { startGateway, type TestGateway } from '../../testing/start-gateway.ts'
import type { DiscoverySettings } from '../../config/settings/discovery.ts'

/** An upstream that answers with its own port. */
export async function startNode(): Promise<{ port: number; close: () => Promise<void> }> {
  const server: Server = createServer((_request, response) =>
    response.end(String((server.address() as AddressInfo).port)),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const ascending = (one: number, other: number): number => one - other

export interface DiscoveringGateway {
  readonly gateway: TestGateway
  readonly discovery: NodeDiscovery
  readonly lines: string[]
  /** The ports that twelve requests to `/` met; statuses of those that failed. */
  ports(): Promise<number[]>
  /** Waits until requests meet exactly these. */
  meets(...ports: number[]): Promise<void>
  close(): Promise<void>
}

/** A gateway whose route `/` asks for one service; discovery runs beside it as in the control thread. */
export async function startDiscovering(
  discovery: object,
  upstream: object,
  more: { readonly lastGood?: string; readonly emptyAfterMs?: number } = {},
): Promise<DiscoveringGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-discovery-'))
  const document = { discovery, routes: [{ id: 'r', uri: '/', upstream }] }
  const gateway = await startGateway(document)
  const plugins = new PluginRegistry()
  const { config } = await loadConfigText('test.json', JSON.stringify(document), { plugins })
  if (config === undefined) throw new Error('the configuration is wrong')
  const lines: string[] = []
  const line = (_fields: object, message: string): void => void lines.push(message)
  const settings: DiscoverySettings = {
    ...config.settings.discovery,
    lastGood: more.lastGood ?? join(folder, 'last-good.json'),
    ...(more.emptyAfterMs === undefined ? {} : { emptyAfterMs: more.emptyAfterMs }),
  }
  const node = new NodeDiscovery({
    settings,
    resources: config.resources,
    metrics: gateway.metrics.own,
    logger: { error: line, warn: line, info: line },
    onNodes: (key, nodes) => gateway.worker.table.upstreams.setDiscovered(key, nodes),
  })
  await node.start()
  const ports = async (): Promise<number[]> => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => gateway.fetch('/')))
    return [...new Set(answers.map(({ status, body }) => (status === 200 ? Number(body) : status)))].toSorted(ascending)
  }
  return {
    gateway,
    discovery: node,
    lines,
    ports,
    meets: (...wanted) =>
      vi.waitFor(
        async () => {
          const met = await ports()
          if (met.join() !== wanted.toSorted(ascending).join())
            throw new Error(`requests meet ${met.join()}, not ${wanted.join()}`)
        },
        { timeout: 8_000, interval: 20 },
      ),
    close: async () => {
      await node.close()
      await gateway.close()
      rmSync(folder, { recursive: true })
    },
  }
}
