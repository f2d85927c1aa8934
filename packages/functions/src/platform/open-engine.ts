import { createDriver } from '../drivers/create-driver.ts'
import { LambdaEngine } from '../engine/lambda-engine.ts'
import type { LogStore } from '../logs/log-store.ts'
import { PUBLISHED_PRICES } from '../metering/prices.ts'
import { Interpreters } from '../runtimes/interpreters.ts'
import { planLaunch } from '../runtimes/plan-launch.ts'
import { RuntimeApi } from '../runtime-api/runtime-api.ts'
import { runtimeApiOptions } from '../runtime-api/runtime-api-options.ts'
import type { Closers } from './closers.ts'
import type { PlatformOptions } from './options.ts'

/** Driver and engine. Rejects when this host cannot run the driver; a weaker one is never taken in its place. */
export async function openEngine(options: PlatformOptions, logs: LogStore, closers: Closers): Promise<LambdaEngine> {
  const { path, region, concurrency, maxEnvironments, maxMemoryMb, idleTimeoutMs, cpu, price, logger } = options
  const driver = await createDriver(options.driver, { dataDirectory: path, ...options.drivers })
  await driver.open()
  closers.add(() => driver.close())

  const interpreters = await Interpreters.find(options.interpreters)
  const engine = new LambdaEngine({
    driver,
    planLaunch: (fn) => planLaunch(fn, { interpreters }),
    openApi: (listener, fn, extensions) => new RuntimeApi(listener, { ...runtimeApiOptions(fn), extensions }),
    logs,
    settings: {
      region,
      concurrency,
      maxEnvironments,
      ...(maxMemoryMb === undefined ? {} : { maxMemoryMb }),
      idleTimeoutMs,
      cpu,
    },
    prices: { ...PUBLISHED_PRICES, perGbSecond: price.gbSecond, perRequest: price.request },
    onProblem: (err) => logger.error({ err }, 'the function engine met something that it did not expect'),
  })
  closers.add(() => engine.close())
  return engine
}
