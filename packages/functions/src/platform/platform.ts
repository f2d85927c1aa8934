import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PackageLinks } from '../control-api/package-links.ts'
import type { LambdaEngine } from '../engine/lambda-engine.ts'
import type { HttpListener } from '../http/http-listener.ts'
import { LogStore } from '../logs/log-store.ts'
import { OciImageLibrary } from '../packages/image/oci-image-library.ts'
import { LmdbState } from '../state/lmdb-state.ts'
import { Closers } from './closers.ts'
import { nodeId } from './node-id.ts'
import { type Background, openBackground } from './open-background.ts'
import { openCatalog } from './open-catalog.ts'
import { openControlApi } from './open-control-api.ts'
import { openEngine } from './open-engine.ts'
import type { PlatformOptions } from './options.ts'
import { openPackages } from './package-parts.ts'

/** What a stop has to do with. */
interface PlatformParts {
  readonly engine: LambdaEngine
  readonly background: Background
  readonly listener: HttpListener
  readonly readiness: { ready: boolean }
  readonly closers: Closers
}

/** A function platform: driver, engine, catalog and control API of one process. */
export class Platform {
  /** `http://127.0.0.1:9190`, or `unix:PATH` */
  readonly address: string
  private readonly parts: PlatformParts

  private constructor(address: string, parts: PlatformParts) {
    this.address = address
    this.parts = parts
  }

  /** Rejects with what is missing; nothing is left open then. */
  static async start(options: PlatformOptions): Promise<Platform> {
    const closers = new Closers()
    try {
      return await Platform.open(options, closers)
    } catch (error) {
      await closers.close().catch(() => undefined)
      throw error
    }
  }

  private static async open(options: PlatformOptions, closers: Closers): Promise<Platform> {
    const { path, logs: limits, logger } = options
    await mkdir(path, { recursive: true, mode: 0o711 })
    const state = await (options.openState?.() ?? LmdbState.open(join(path, 'state.mdb')))
    closers.add(() => state.close())
    const logs = new LogStore({
      directory: join(path, 'logs'),
      functionBytes: limits.maxBytes,
      retentionDays: limits.retentionDays,
    })
    await logs.open()
    closers.add(() => logs.close())

    const packages = await openPackages(options)
    const images = new OciImageLibrary({ directory: path })
    await images.open()
    const links = new PackageLinks((sha256) => packages.openPackage(sha256))
    const catalog = await openCatalog(options, { state, packages, images, links })
    closers.add(() => catalog.close())
    const engine = await openEngine(options, logs, closers)
    catalog.attach(engine)

    const background = await openBackground({
      state,
      catalog,
      engine,
      node: await nodeId(path),
      shared: options.openState !== undefined,
      queues: options.queues ?? {},
      logger,
    })
    closers.add(() => background.close(0))

    const readiness = { ready: true }
    const listener = await openControlApi(options, {
      engine,
      catalog,
      events: background.events,
      logs,
      state,
      links,
      operations: background.operations,
      metrics: () => background.metrics(),
      ready: () => readiness.ready,
    })
    closers.add(() => listener.close())
    return new Platform(addressOf(options, listener), { engine, background, listener, readiness, closers })
  }

  /** Takes no further calls, lets those under way end within `graceMs`, then ends everything. */
  async stop(graceMs: number): Promise<void> {
    const { engine, background, listener, readiness, closers } = this.parts
    readiness.ready = false
    await Promise.all([listener.shutdown(graceMs), background.close(graceMs).then(() => engine.drain(graceMs))])
    await closers.close()
  }
}

function addressOf({ listen }: PlatformOptions, listener: HttpListener): string {
  if ('path' in listen) return `unix:${listen.path}`
  const host = 'host' in listen ? listen.host : '127.0.0.1'
  return `http://${host.includes(':') ? `[${host}]` : host}:${listener.port}`
}
