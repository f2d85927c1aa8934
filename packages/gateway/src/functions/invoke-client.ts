import type { Peer } from '@sekisho/proxy'
import { Headers, RequestHead } from '@sekisho/wire'
import type { FunctionFailure } from '@sekisho/functions/events'
import { sideCall, SideFailure } from '../side-calls/index.ts'
import { refusalOf } from './invoke-failure.ts'
import type { FunctionTarget } from './function-target.ts'

/** What a function answered, or why it did not. */
export type Invoked =
  | { readonly payload: Buffer; readonly failure: undefined }
  | { readonly payload: Buffer; readonly failure: FunctionFailure; readonly detail: string }

/** More no function may answer. */
const LIMITS = { maxAnswerBytes: 6_291_556 }
const NOTHING = Buffer.alloc(0)

/** Calls a function beside the way of a request: authorizers, WebSocket messages. Never rejects. */
export function invokeFunction(target: FunctionTarget, payload: Buffer): Promise<Invoked> {
  const peer = target.upstream.pickBy('', []) as Peer
  const headers = new Headers()
  target.invoke.writeHeaders(headers, payload, undefined)
  const { path, address } = target.invoke
  const { authority } = address
  const request = new RequestHead('POST', path, authority, 1, headers, payload.length, true, false, false, false, 0)
  return new Promise((resolve) => {
    sideCall(peer, request, payload, LIMITS, (result) => {
      if (result instanceof SideFailure) return resolve(failed(FAILURES[result.kind], result.message))
      const { head, body } = result
      if (head.status !== 200) resolve(failed(refusalOf(head.status), `${head.status} ${body.toString()}`))
      else if (head.headers.has('x-amz-function-error')) resolve(failed('function', body.toString(), body))
      else resolve({ payload: body, failure: undefined })
    })
  })
}

const FAILURES = { unreachable: 'unreachable', timeout: 'timeout', 'too-large': 'malformed' } as const

const failed = (failure: FunctionFailure, detail: string, payload: Buffer = NOTHING): Invoked => ({
  payload,
  failure,
  detail,
})
