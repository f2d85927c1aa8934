import type { QueuedInvocation } from '../../async/event-queue.ts'
import { HttpListener } from '../../http/http-listener.ts'
import { ControlApi, type ControlApiOptions } from '../control-api.ts'
import { FakeCatalog } from './fake-catalog.ts'
import { FakeEngine } from './fake-engine.ts'

/** A control API over fakes, on a free port of loopback. */
export async function startControlApi(parts: Partial<ControlApiOptions> = {}) {
  const catalog = new FakeCatalog('echo')
  const engine = new FakeEngine()
  const queued: QueuedInvocation[] = []
  const failures: unknown[] = []
  const api = new ControlApi({
    operations: [],
    catalog,
    engine,
    events: { enqueue: async (invocation) => void queued.push(invocation) },
    urls: undefined,
    surfaces: [],
    region: 'us-east-1',
    accessKeys: undefined,
    browser: { allowedHosts: [], allowedOrigins: [] },
    onFailure: (error) => failures.push(error),
    ...parts,
  })
  const listener = await HttpListener.listen({ host: '127.0.0.1', port: 0 }, api)
  const endpoint = `http://127.0.0.1:${listener.port}`
  return { catalog, engine, queued, failures, listener, endpoint, close: () => listener.close() }
}

export type RunningControlApi = Awaited<ReturnType<typeof startControlApi>>
