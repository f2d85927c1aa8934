import { BodyBuffer } from './body-buffer.ts'
import { type HttpContext, Stage } from './http-context.ts'
import { callRequestBody, type FilterOptions } from './http-filter.ts'
import { VmFailure } from './vm-failure.ts'

/**
 * A request that does not go on yet: its filter holds it up, or wants all of its body before.
 *
 * Envoy brings the body to a filter also while that holds the head up, and goes on when it says so for the body. Here the body is read for a filter
 * that waits for no answer of a call: nothing else could wake it but a tick.
 */
export class RequestHold {
  private readonly options: FilterOptions

  constructor(options: FilterOptions) {
    this.options = options
  }

  async wait(
    context: HttpContext,
    pausedByHead: boolean,
    wantsBody: boolean,
    failed: (error: unknown) => void,
  ): Promise<void> {
    const { session, vm } = context
    let paused = pausedByHead
    let body: BodyBuffer | undefined
    try {
      if (paused && context.pendingCalls > 0 && !(await this.mayGoOn(context))) return
      if (paused && context.requestContinued) paused = false
      const takesBody = session.request.bodyLength !== 0 && this.options.requestBody !== 'skip'
      if (wantsBody || (paused && takesBody)) {
        const { maxRequestBody } = this.options
        const bytes = await session.readBody(maxRequestBody)
        if (session.finishedAt !== 0) return
        if (vm.failure !== undefined) throw vm.failure
        body = new BodyBuffer(bytes, maxRequestBody)
        context.requestBodyDone = true
        paused = callRequestBody(context, body, true)
        if (session.responded) return
        // It may be changed for as long as it is held up.
        if (paused) context.requestBody = body
      }
      if (paused && !(await this.mayGoOn(context))) return
      if (body?.modified === true) session.replaceBody(body.bytes)
    } catch (error) {
      if (!(error instanceof VmFailure)) throw error
      failed(error)
    } finally {
      context.requestBody = undefined
    }
  }

  /** false: the request was answered, or is over. */
  private async mayGoOn(context: HttpContext): Promise<boolean> {
    const { session, vm } = context
    const woken = await context.held(this.options.maxPauseMs)
    if (session.responded || session.finishedAt !== 0 || context.stage !== Stage.REQUEST) return false
    if (vm.failure !== undefined) throw vm.failure
    if (woken === 'woken') return true
    session.respond(504, { error_msg: 'a filter held the request up for too long' })
    return false
  }
}
