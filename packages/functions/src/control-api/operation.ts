import type { Headers } from '@sekisho/wire'

/** A call of the control API, read whole. */
export interface ApiRequest {
  /** Labels of the operation's path, percent-decoded: `{FunctionName}`. */
  readonly labels: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: Headers
  readonly body: Buffer
  /** `http://127.0.0.1:9190`, as the client called it: for locations in answers. */
  readonly origin: string
}

export interface ApiAnswer {
  readonly status: number
  /** Turned into JSON; undefined: no body. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** One operation as the service model has it. Throws ServiceError. */
export interface Operation {
  /** `CreateFunction`; what `x-amzn-ErrorType`, logs and metrics name. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /**
   * `/2015-03-31/functions/{FunctionName}/aliases/{Name}`. A slash at the end makes no difference. Two operations may share a path when one
   * asks for a query member, as service models have it: `/2018-10-31/layers?find=LayerVersion`, `…/provisioned-concurrency?List=ALL`; it goes first.
   */
  readonly path: string
  /** Most bytes of a body; default 1 MiB. */
  readonly maxBodyBytes?: number
  readonly handle: (request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>
}
