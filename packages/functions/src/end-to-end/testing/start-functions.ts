import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_ACCOUNT, DEFAULT_REGION } from '../../model/ports.ts'
import type { PlatformOptions } from '../../platform/options.ts'
import { Platform } from '../../platform/platform.ts'

/** A function platform with the `process` driver, in a folder of its own, on a free port of loopback. */
export async function startFunctions(options: Partial<PlatformOptions> = {}) {
  const path = mkdtempSync(join(tmpdir(), 'sekisho-functions-'))
  const complain = (fields: object, message: string): void => console.error(message, fields)
  const platform = await Platform.start({
    listen: { host: '127.0.0.1', port: 0 },
    path,
    driver: 'process',
    region: DEFAULT_REGION,
    accountId: DEFAULT_ACCOUNT,
    keys: undefined,
    allowedOrigins: [],
    concurrency: 1_000,
    unreservedConcurrency: 100,
    maxEnvironments: 50,
    maxMemoryMb: undefined,
    idleTimeoutMs: 60_000,
    cpu: 'unlimited',
    network: 'host',
    interpreters: {},
    packages: { type: 'directory' },
    objectStore: undefined,
    openState: undefined,
    logs: { maxBytes: 10_000_000, retentionDays: 1 },
    price: { gbSecond: 0.0000166667, request: 0.0000002 },
    logger: { info: () => undefined, warn: complain, error: complain },
    ...options,
  })
  return {
    endpoint: platform.address,
    platform,
    async stop(): Promise<void> {
      await platform.stop(1_000)
      rmSync(path, { recursive: true, force: true })
    },
  }
}

export type RunningFunctions = Awaited<ReturnType<typeof startFunctions>>
