import type { Headers } from '@sekisho/wire'
import type { HttpContext } from './http-context.ts'
import type { RootContext } from './root-context.ts'

/** What a call of the guest is about: a request, or the configuration that its filter stands in. */
export type GuestContext = RootContext | HttpContext

/** What came back for `proxy_http_call`, while the guest is told. */
export interface CallAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}
