import type { PlatformOptions } from './options.ts'

/** A function platform: driver, engine, catalog and control API of one process. */
export class Platform {
  /** `http://127.0.0.1:9190` */
  readonly address: string

  private constructor(address: string) {
    this.address = address
  }

  static start(options: PlatformOptions): Promise<Platform> {
    return Promise.reject(new Error(`the driver ${options.driver} cannot be started yet`))
  }

  stop(_graceMs: number): Promise<void> {
    return Promise.resolve()
  }
}
