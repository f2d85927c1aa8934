import { Headers, isFramingField } from '@sekisho/wire'
import { Status, StreamType } from '../abi.ts'
import { readPairs } from '../header-pairs.ts'
import { type HttpContext, type LocalResponse, Stage } from '../http-context.ts'
import type { Vm } from '../vm.ts'
import type { HostFunctions } from './imports.ts'

/** No status of gRPC was given. */
const NO_GRPC_STATUS = 0xffff_ffff
const MAX_GRPC_STATUS = 16

/** What becomes of a request. */
export const streamCalls = (vm: Vm): HostFunctions => ({
  proxy_continue_stream(stream: number): Status {
    const context = httpOf(vm)
    if (context === undefined) return Status.BAD_ARGUMENT
    if (stream === StreamType.HTTP_REQUEST) context.requestContinued = true
    else if (stream === StreamType.HTTP_RESPONSE) context.responseContinued = true
    else return Status.BAD_ARGUMENT
    context.wake()
    return Status.OK
  },

  proxy_close_stream(stream: number): Status {
    const context = httpOf(vm)
    if (context === undefined || (stream !== StreamType.HTTP_REQUEST && stream !== StreamType.HTTP_RESPONSE))
      return Status.BAD_ARGUMENT
    // The ABI does not say what a client sees; a 502 says that nothing of its own doing went wrong.
    return answer(context, { status: 502, headers: new Headers(), body: new Uint8Array(0) })
  },

  proxy_send_local_response(
    status: number,
    detailsAt: number,
    detailsSize: number,
    bodyAt: number,
    bodySize: number,
    pairsAt: number,
    pairsSize: number,
    grpcStatus: number,
  ): Status {
    const { memory } = vm
    const body = memory.slice(bodyAt, bodySize)
    const pairBytes = memory.slice(pairsAt, pairsSize)
    if (body === undefined || pairBytes === undefined || memory.slice(detailsAt, detailsSize) === undefined)
      return Status.INVALID_MEMORY_ACCESS
    vm.charge(body.length + pairBytes.length)
    const context = httpOf(vm)
    if (context === undefined || !(status >= 200 && status <= 599)) return Status.BAD_ARGUMENT
    const pairs = readPairs(pairBytes)
    if (pairs === undefined) return Status.PARSE_FAILURE
    const headers = new Headers()
    try {
      for (const [name, value] of pairs) if (!name.startsWith(':') && !isFramingField(name)) headers.append(name, value)
    } catch (error) {
      if (error instanceof TypeError) return Status.BAD_ARGUMENT
      throw error
    }
    if (body.length > 0 && !headers.has('content-type')) headers.appendUnchecked('Content-Type', 'text/plain')
    const number = grpcStatus >>> 0
    if (number !== NO_GRPC_STATUS && number <= MAX_GRPC_STATUS && isGrpc(context))
      headers.appendUnchecked('grpc-status', String(number))
    return answer(context, { status, headers, body: Buffer.from(body) })
  },

  // The route is chosen once; a filter that relies on another choice is to be told.
  proxy_clear_route_cache: (): Status => Status.UNIMPLEMENTED,

  proxy_set_effective_context(id: number): Status {
    const context = vm.contexts.get(id)
    if (context === undefined) return Status.BAD_ARGUMENT
    vm.effective = context
    return Status.OK
  },

  proxy_done(): Status {
    return vm.effective?.kind === 'http' && vm.effective.done() ? Status.OK : Status.NOT_FOUND
  },
})

const httpOf = ({ effective }: Vm): HttpContext | undefined => (effective?.kind === 'http' ? effective : undefined)

const isGrpc = ({ session }: HttpContext): boolean =>
  session.request.headers.get('content-type')?.startsWith('application/grpc') === true

function answer(context: HttpContext, local: LocalResponse): Status {
  const { session } = context
  if (context.stage === Stage.OVER || session.headSent) return Status.BAD_ARGUMENT
  if (context.stage === Stage.RESPONSE) {
    context.localResponse ??= local
    return Status.OK
  }
  const fields: Record<string, string | string[]> = {}
  for (const [name] of local.headers.entries()) fields[name] ??= local.headers.getAll(name)
  session.respond(local.status, local.body, fields)
  context.wake()
  return Status.OK
}
