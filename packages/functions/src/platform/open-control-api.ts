import type { EventQueue } from '../async/event-queue.ts'
import type { LocalCatalog } from '../catalog/local-catalog.ts'
import { ControlApi } from '../control-api/control-api.ts'
import { logEventActions } from '../control-api/logs-service/log-events.ts'
import { logGroupActions } from '../control-api/logs-service/log-groups.ts'
import { LogsSurface } from '../control-api/logs-service/logs-surface.ts'
import type { Operation } from '../control-api/operation.ts'
import { OpenEndpoints, OwnEndpoints } from '../control-api/own/own-endpoints.ts'
import type { PackageLinks } from '../control-api/package-links.ts'
import { QuerySurface } from '../control-api/query/query-surface.ts'
import { iamService, stsService } from '../control-api/query/services.ts'
import type { AccessKeys } from '../control-api/signature-check.ts'
import { checkDrivers } from '../drivers/check-drivers.ts'
import type { LambdaEngine } from '../engine/lambda-engine.ts'
import { FunctionUrls } from '../function-url/function-urls.ts'
import type { HttpListener } from '../http/http-listener.ts'
import type { LogStore } from '../logs/log-store.ts'
import type { StateStore } from '../state/state-store.ts'
import { listen } from './listen.ts'
import type { AccessKey, PlatformOptions } from './options.ts'

export interface ControlApiParts {
  readonly engine: LambdaEngine
  readonly catalog: LocalCatalog
  readonly events: EventQueue
  readonly logs: LogStore
  readonly state: StateStore
  readonly links: PackageLinks
  /** Of services beside Lambda's own: schedules. */
  readonly operations: readonly Operation[]
  /** In the Prometheus text format, beside the engine's. */
  readonly metrics: () => string
  readonly ready: () => boolean
}

/** Everything that is served on the port of the control API. Rejects when the address cannot be bound. */
export function openControlApi(options: PlatformOptions, parts: ControlApiParts): Promise<HttpListener> {
  const { region, accountId, logger } = options
  const { engine, catalog, events, logs, state, links } = parts
  const accessKeys = accessKeysOf(options.keys)
  const onFailure = (err: unknown, operation: string): void =>
    logger.error({ err, operation }, `${operation} failed in a way that nobody expected`)
  const exists = (name: string): boolean => catalog.has(name)
  const api = new ControlApi({
    operations: [...catalog.operations, ...parts.operations],
    catalog,
    engine,
    events,
    urls: new FunctionUrls({
      catalog,
      engine,
      region,
      account: accountId,
      accessKeys,
      onMalformed: (functionName, problem) =>
        logger.warn(
          { function: functionName, problem },
          `function ${functionName} answered what is no answer in HTTP: ${problem}`,
        ),
    }),
    surfaces: [
      new OwnEndpoints({
        engine,
        logs,
        checkFunction: (name) => void catalog.resolve(name, undefined),
        doctor: () => checkDrivers(),
      }),
      new OpenEndpoints({ metrics: () => engine.metrics() + parts.metrics(), ready: parts.ready }),
      links,
      new QuerySurface([iamService(state, accountId), stsService(accountId)], onFailure),
      new LogsSurface({ ...logGroupActions(state, region, accountId), ...logEventActions(logs, exists) }, onFailure),
    ],
    region,
    accessKeys,
    browser: { allowedHosts: options.allowedHosts ?? [], allowedOrigins: options.allowedOrigins },
    onFailure,
  })
  return listen(options.listen, api)
}

function accessKeysOf(keys: readonly AccessKey[] | undefined): AccessKeys | undefined {
  if (keys === undefined) return undefined
  const byId = new Map(keys.map((key) => [key.accessKeyId, key]))
  return (id) => byId.get(id)
}
