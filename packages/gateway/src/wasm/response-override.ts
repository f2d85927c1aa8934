import { Headers, type ResponseHead } from '@sekisho/wire'
import type { HttpContext, LocalResponse } from './http-context.ts'

/** Puts an answer of the filter's into the place of a response whose head has not left; its body follows in the body filter. */
export function override({ session }: HttpContext, response: ResponseHead, local: LocalResponse): void {
  const { headers } = response
  headers.clear()
  for (const [name, value] of local.headers.entries()) headers.append(name, value)
  response.status = local.status
  response.reason = ''
  const bodyless = local.status === 204 || local.status === 304
  if (!bodyless) headers.append('Content-Length', String(local.body.length))
  session.trailers?.clear()
}

/** The same for an answer of the gateway's own. */
export function localAnswer(
  context: HttpContext,
  response: ResponseHead,
  { status, body }: { readonly status: number; readonly body: string },
): void {
  const headers = Headers.from({ 'Content-Type': 'application/json' })
  context.localResponse = { status, headers, body: Buffer.from(body) }
  context.localSent = false
  override(context, response, context.localResponse)
}
