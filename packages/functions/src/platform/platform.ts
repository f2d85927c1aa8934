import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PackageLinks } from '../control-api/package-links.ts'
import type { LambdaEngine } from '../engine/lambda-engine.ts'
import type { HttpListener } from '../http/http-listener.ts'
import { LogStore } from '../logs/log-store.ts'
import { OciImageLibrary } from '../packages/image/oci-image-library.ts'
import { LmdbState } from '../state/lmdb-state.ts'
import { Closers } from './closers.ts'
import { openCatalog } from './open-catalog.ts'
import { openControlApi } from './open-control-api.ts'
import { openEngine } from './open-engine.ts'
import type { PlatformOptions } from './options.ts'
import { openPackages } from './package-parts.ts'

/** A function platform: driver, engine, catalog and control API of one process. */
export class Platform {
  /** `http://127.0.0.1:9190`, or `unix:PATH` */
  readonly address: string
  private readonly engine: LambdaEngine
  private readonly listener: HttpListener
  private readonly closers: Closers

  private constructor(address: string, engine: LambdaEngine, listener: HttpListener, closers: Closers) {
    this.address = address
    this.engine = engine
    this.listener = listener
    this.closers = closers
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
    const { path, logs: limits } = options
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

    const listener = await openControlApi(options, {
      engine,
      catalog,
      events: { enqueue: () => Promise.reject(new Error('there is no event queue yet')) },
      logs,
      state,
      links,
      operations: [],
      metrics: () => '',
      ready: () => true,
    })
    closers.add(() => listener.close())
    return new Platform(addressOf(options, listener), engine, listener, closers)
  }

  /** Takes no further calls, lets those under way end within `graceMs`, then ends everything. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all([this.listener.shutdown(graceMs), this.engine.drain(graceMs)])
    await this.closers.close()
  }
}

function addressOf({ listen }: PlatformOptions, listener: HttpListener): string {
  if ('path' in listen) return `unix:${listen.path}`
  const host = 'host' in listen ? listen.host : '127.0.0.1'
  return `http://${host.includes(':') ? `[${host}]` : host}:${listener.port}`
}
