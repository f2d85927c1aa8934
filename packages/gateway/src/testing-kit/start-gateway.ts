import type { AddressInfo } from 'node:net'
import type { Configuration } from '../config/define-config.ts'
import type { Answer } from './answer.ts'
import type { GatewayOptions } from './memory-gateway.ts'
import { fetchFrom } from './socket-client.ts'
import type { RequestOptions } from './test-request.ts'
import { type LogLine, WorkerUnderTest } from './worker-under-test.ts'

/** A gateway in this process that listens. */
export interface StartedGateway {
  /** Of 127.0.0.1. */
  readonly port: number
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** All that the gateway logged so far. */
  readonly logs: readonly LogLine[]
  /** One request on a connection of its own. Any other client may be used as well. */
  fetch(path: string, options?: RequestOptions): Promise<Answer>
  /** Puts another configuration in force, live. Rejects with what is wrong with it, and the old one stays. */
  update(document: Configuration | string): Promise<void>
  /** The sum of a metric's series that have all of these labels: `metric('sekisho_http_status', { code: '200' })`. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  close(): Promise<void>
}

/**
 * A whole gateway with one worker, in this process, on a free port of 127.0.0.1. Rejects with what the gateway says of a configuration that it
 * refuses.
 *
 * @param document what `sekisho.yaml` says, as an object or as its text; what it says of listeners, stores and the like is checked, and has no effect
 */
export async function startGateway(
  document: Configuration | string,
  options: GatewayOptions = {},
): Promise<StartedGateway> {
  const under = await WorkerUnderTest.start(document, options)
  const listener = await under.worker.proxy.serve({ host: '127.0.0.1', port: 0 })
  const { port } = listener.address as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    logs: under.logs,
    fetch: (path, request) => fetchFrom(port, path, request),
    update: (wanted) => under.update(wanted),
    metric: (name, labels) => under.metric(name, labels),
    close: async () => {
      listener.stopAccepting()
      await listener.drain(0)
      await under.stop()
    },
  }
}
