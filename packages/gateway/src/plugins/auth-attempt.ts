import { Headers } from '@sekisho/wire'
import type { ResponseBody, ResponseFields } from '@sekisho/proxy'
import type { GatewaySession } from '../session.ts'

/** The request of a session as one of several auth plugins sees it: what the plugin answers is kept, and sent only by `passOn`. */
export class Attempt {
  /** For the plugin. */
  readonly session: GatewaySession
  /** Of its answer; 0: it gave none. */
  status = 0
  private readonly original: GatewaySession
  private body: ResponseBody = ''
  private fields: ResponseFields = {}

  constructor(original: GatewaySession) {
    this.original = original
    this.session = Object.create(original, {
      respond: {
        value: (status: number, body?: ResponseBody, fields?: ResponseFields) => this.keep(status, body, fields),
      },
      responded: { get: () => this.refused },
    }) as GatewaySession
  }

  get refused(): boolean {
    return this.status !== 0
  }

  /** `WWW-Authenticate` of its answer. */
  get challenges(): readonly string[] {
    return Headers.from(this.fields).getAll('www-authenticate')
  }

  passOn(): void {
    this.original.respond(this.status, this.body, this.fields)
  }

  private keep(status: number, body: ResponseBody = '', fields: ResponseFields = {}): void {
    if (this.refused) return
    this.status = status
    this.body = body
    this.fields = fields
  }
}
