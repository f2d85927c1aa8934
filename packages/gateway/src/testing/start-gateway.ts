import type { AddressInfo } from 'node:net'
import type { GatewayWorker } from '../gateway/gateway-worker.ts'
import type { ControlMetrics } from '../observability/metrics/index.ts'
import type { PluginDefinition } from '../plugins/definition.ts'
import type { Answer } from '../testing-kit/answer.ts'
import { fetchFrom } from '../testing-kit/socket-client.ts'
import type { RequestOptions } from '../testing-kit/test-request.ts'
import { type LogLine, WorkerUnderTest } from '../testing-kit/worker-under-test.ts'
import { startEcho, type EchoUpstream } from './echo-upstream.ts'

export type { Answer } from '../testing-kit/answer.ts'
export { fetchFrom } from '../testing-kit/socket-client.ts'
export type { RequestOptions as FetchOptions } from '../testing-kit/test-request.ts'

export interface TestGateway {
  readonly port: number
  readonly worker: GatewayWorker
  readonly echo: EchoUpstream
  readonly metrics: ControlMetrics
  /** What it logged so far. */
  readonly logs: readonly LogLine[]
  fetch(path: string, options?: RequestOptions): Promise<Answer>
  /** Changes the document live; rejects with the rendered problems when it is refused. */
  update(document: object): Promise<void>
  close(): Promise<void>
}

/**
 * A gateway with one worker in this thread, on a port of its own, and the upstream `echo`. The document is what `sekisho.yaml` would be;
 * it goes the whole way: schema, checks, diff, table. For users of the gateway there is `startGateway` of the testing kit.
 */
export async function startGateway(
  document: object,
  own: readonly PluginDefinition[] = [],
  options: { readonly echo?: EchoUpstream } = {},
): Promise<TestGateway> {
  const echo = options.echo ?? (await startEcho())
  const withEcho = (wanted: object): object => {
    const { upstreams = [], ...rest } = wanted as { upstreams?: object[] }
    return { ...rest, upstreams: [{ id: 'echo', nodes: { [`127.0.0.1:${echo.port}`]: 1 } }, ...upstreams] }
  }
  const under = await WorkerUnderTest.start(withEcho(document), { plugins: own, onLog: report })
  const { worker, metrics, logs } = under
  const listener = await worker.proxy.serve({ host: '127.0.0.1', port: 0 })
  const { port } = listener.address as AddressInfo
  return {
    port,
    worker,
    echo,
    metrics,
    logs,
    fetch: (path, request) => fetchFrom(port, path, request),
    update: (wanted) => under.update(withEcho(wanted)),
    close: async () => {
      listener.stopAccepting()
      await listener.drain(0)
      await under.stop()
      await echo.close()
    },
  }
}

/** Errors belong to the output of a test. */
const report = ({ level, message, fields }: LogLine): void => {
  const { err } = fields
  if (level === 'error') process.stderr.write(`${message} ${err instanceof Error ? (err.stack ?? err.message) : ''}\n`)
}
