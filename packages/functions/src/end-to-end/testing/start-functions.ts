import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { QueuedInvocation } from '../../async/event-queue.ts'
import { LocalCatalog } from '../../catalog/local-catalog.ts'
import { ControlApi } from '../../control-api/control-api.ts'
import { logEventActions } from '../../control-api/logs-service/log-events.ts'
import { logGroupActions } from '../../control-api/logs-service/log-groups.ts'
import { LogsSurface } from '../../control-api/logs-service/logs-surface.ts'
import { OpenEndpoints, OwnEndpoints } from '../../control-api/own/own-endpoints.ts'
import { PackageLinks } from '../../control-api/package-links.ts'
import { QuerySurface } from '../../control-api/query/query-surface.ts'
import { iamService, stsService } from '../../control-api/query/services.ts'
import { createDriver } from '../../drivers/create-driver.ts'
import { LambdaEngine } from '../../engine/lambda-engine.ts'
import { openRuntimeApi } from '../../engine/open-runtime-api.ts'
import { FunctionUrls } from '../../function-url/function-urls.ts'
import { functionUrlAddress } from '../../function-url/url-path.ts'
import { HttpListener } from '../../http/http-listener.ts'
import { LogStore } from '../../logs/log-store.ts'
import { DEFAULT_ACCOUNT, DEFAULT_REGION } from '../../model/ports.ts'
import { PackageLibrary } from '../../packages/package-library.ts'
import { DirectoryPackageStore } from '../../packages/stores/directory-package-store.ts'
import { Interpreters } from '../../runtimes/interpreters.ts'
import { planLaunch } from '../../runtimes/plan-launch.ts'
import { MemoryState } from '../../state/memory-state.ts'

const NO_IMAGES = {
  take: () => Promise.reject(new Error('no images here')),
  directory: () => '',
  ready: () => false,
  prepare: () => Promise.reject(new Error('no images here')),
  collect: () => Promise.resolve(0),
}

/** A function platform with the `process` driver, in a folder of its own, on a free port of loopback. */
export async function startFunctions() {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-functions-'))
  const onFailure = (error: unknown, operation: string): void => {
    console.error(operation, error)
  }
  const queued: QueuedInvocation[] = []
  const region = DEFAULT_REGION
  const account = DEFAULT_ACCOUNT

  const driver = await createDriver('process', { dataDirectory: join(directory, 'driver') })
  await driver.open()
  const logs = new LogStore({ directory: join(directory, 'logs') })
  await logs.open()
  const interpreters = await Interpreters.find({})
  const engine = new LambdaEngine({
    driver,
    openApi: openRuntimeApi(account),
    planLaunch: (fn) => planLaunch(fn, { interpreters }),
    logs,
  })
  const state = new MemoryState()
  const packages = new PackageLibrary({ directory, store: new DirectoryPackageStore(join(directory, 'packages')) })
  await packages.open()
  const links = new PackageLinks((sha256) => packages.openPackage(sha256))
  const catalog = await LocalCatalog.open({
    state,
    packages,
    images: NO_IMAGES,
    settings: {
      codeLocation: (origin, sha256) => links.link(origin, sha256),
      functionUrl: functionUrlAddress,
    },
  })
  catalog.attach(engine)

  const exists = (name: string): boolean => catalog.functionNames().includes(name)
  const metrics = (): string => engine.metrics()
  const ready = (): boolean => true
  const api = new ControlApi({
    operations: catalog.operations,
    catalog,
    engine,
    events: { enqueue: async (invocation) => void queued.push(invocation) },
    urls: new FunctionUrls({
      catalog,
      engine,
      region,
      account,
      accessKeys: undefined,
      onMalformed: (name, problem) => onFailure(problem, name),
    }),
    surfaces: [
      new QuerySurface([iamService(state, account), stsService(account)], onFailure),
      new LogsSurface({ ...logGroupActions(state, region, account), ...logEventActions(logs, exists) }, onFailure),
      links,
      new OwnEndpoints({
        engine,
        logs,
        checkFunction: (name) => void catalog.resolve(name, undefined),
        metrics,
        doctor: () => driver.check(),
        ready,
      }),
      new OpenEndpoints({ metrics, ready }),
    ],
    region,
    accessKeys: undefined,
    browser: { allowedHosts: [], allowedOrigins: [] },
    onFailure,
  })
  const listener = await HttpListener.listen({ host: '127.0.0.1', port: 0 }, api)

  return {
    endpoint: `http://127.0.0.1:${listener.port}`,
    engine,
    catalog,
    queued,
    async stop(): Promise<void> {
      await listener.shutdown(1_000)
      await engine.close()
      await driver.close()
      await catalog.close()
      await logs.close()
      await state.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export type RunningFunctions = Awaited<ReturnType<typeof startFunctions>>
