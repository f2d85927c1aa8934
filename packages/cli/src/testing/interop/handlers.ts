import { CallError, type InteropMessage } from './types.ts'

/** What a service knows of a call besides its messages. */
export interface CallContext {
  /** Whether the message came compressed; undefined where the server's library does not tell. */
  isCompressed(message: InteropMessage): boolean | undefined
  /** The next message is to leave compressed. Where the library cannot, it leaves as it is. */
  compress(message: InteropMessage): InteropMessage
}

const payload = (size = 0): { readonly body: Uint8Array } => ({ body: new Uint8Array(size) })

function checkCompression(message: InteropMessage, context: CallContext): void {
  const expected = message.expectCompressed?.value
  const compressed = context.isCompressed(message)
  if (expected !== undefined && compressed !== undefined && expected !== compressed)
    throw new CallError(3, `the message is ${compressed ? '' : 'not '}compressed`)
}

function fail({ responseStatus }: InteropMessage): void {
  const code = responseStatus?.code ?? 0
  if (code !== 0) throw new CallError(code, responseStatus?.message ?? '')
}

function unary(request: InteropMessage, context: CallContext): InteropMessage {
  checkCompression(request, context)
  fail(request)
  const message: InteropMessage = { payload: payload(request.responseSize) }
  return request.responseCompressed?.value === true ? context.compress(message) : message
}

async function* output(request: InteropMessage, context: CallContext): AsyncGenerator<InteropMessage> {
  fail(request)
  for (const { size, intervalUs = 0, compressed } of request.responseParameters ?? []) {
    if (intervalUs > 0) await new Promise((resolve) => setTimeout(resolve, intervalUs / 1_000))
    const message: InteropMessage = { payload: payload(size) }
    yield compressed?.value === true ? context.compress(message) : message
  }
}

async function* fullDuplex(
  requests: AsyncIterable<InteropMessage>,
  context: CallContext,
): AsyncGenerator<InteropMessage> {
  for await (const request of requests) yield* output(request, context)
}

async function input(requests: AsyncIterable<InteropMessage>, context: CallContext): Promise<InteropMessage> {
  let aggregatedPayloadSize = 0
  for await (const request of requests) {
    checkCompression(request, context)
    aggregatedPayloadSize += request.payload?.body?.length ?? 0
  }
  return { aggregatedPayloadSize }
}

/** The test service, whatever library serves it. */
export const handlers = { empty: (): InteropMessage => ({}), unary, output, input, fullDuplex }
