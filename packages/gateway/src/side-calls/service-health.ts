import type { PluginLogger } from '../plugins/context.ts'

/** Tells the log once that a service does not answer, and once that it does again: each request would say the same. */
export class ServiceHealth {
  private failing = false
  private failures = 0
  private readonly fields: object
  private readonly name: string
  private readonly logger: PluginLogger

  /** @param name for people: `opa http://127.0.0.1:8181` */
  constructor(name: string, fields: object, logger: PluginLogger) {
    this.name = name
    this.fields = fields
    this.logger = logger
  }

  /** @param consequence what becomes of requests meanwhile: `requests are let through` */
  failed(reason: string, consequence: string): void {
    this.failures++
    if (this.failing) return
    this.failing = true
    this.logger.warn({ ...this.fields, reason }, `${this.name} fails: ${reason}; ${consequence}`)
  }

  answered(): void {
    if (!this.failing) return
    this.failing = false
    this.logger.info({ ...this.fields, failures: this.failures }, `${this.name} answers again`)
    this.failures = 0
  }
}
