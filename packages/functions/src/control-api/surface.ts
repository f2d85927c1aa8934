import type { Headers } from '@sekisho/wire'
import type { HttpReply, HttpRequest } from '../http/http-exchange.ts'

/** Something else that is served on the port of the control API, told by its path or by a header: a stub of IAM, metrics, packages. */
export interface Surface {
  /** Whether the request is its own. Asked twice: for the head, and when the body is there. */
  serves(method: string, path: string, headers: Headers): boolean
  readonly maxBodyBytes: number
  /** Where signatures are verified, it wants one, too. */
  readonly signed: boolean
  /** Throws ServiceError before it has answered. */
  handle(request: HttpRequest, reply: HttpReply, requestId: string): void
}
