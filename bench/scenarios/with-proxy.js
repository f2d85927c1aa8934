import { freePorts } from '../harness/ports.js'
import { waitUntilListening, waitUntilReady } from '../harness/readiness.js'
import { API_KEY } from '../proxies/proxy.js'

/**
 * Starts a proxy, waits until it answers (or listens, where it does not speak plain HTTP/1.1), and stops it whatever happens.
 * @template T
 * @param {import('./scenario.js').Bench} bench
 * @param {import('../proxies/proxy.js').Proxy} proxy
 * @param {import('../proxies/proxy.js').Setup} scenario
 * @param {(running: import('../proxies/proxy.js').RunningProxy, port: number) => Promise<T>} use
 */
export async function withProxy(bench, proxy, scenario, use) {
  const [port] = await freePorts(1)
  const dir = bench.workspace.folder(proxy.name)
  const running = await proxy.start({ port, upstreams: bench.upstream.ports, dir, scenario })
  try {
    if (scenario.front === undefined) {
      const path = scenario.routes?.[0]?.path ?? '/'
      await waitUntilReady(running.child, port, path, scenario.policies === true ? { apikey: API_KEY } : {})
    } else await waitUntilListening(running.child, port)
    return await use(running, port)
  } finally {
    await running.stop()
  }
}
