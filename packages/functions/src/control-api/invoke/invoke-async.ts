import { newRequestId, traceIdOf } from '../request-ids.ts'
import type { Operation } from '../operation.ts'
import type { InvokeTargets } from './invoke.ts'
import { eventOf, MAX_EVENT_PAYLOAD_BYTES } from './payload.ts'

/** InvokeAsync, which AWS keeps for old clients: an Event invocation under another path. */
export const invokeAsyncOperation = ({ catalog, events }: Pick<InvokeTargets, 'catalog' | 'events'>): Operation => ({
  name: 'InvokeAsync',
  method: 'POST',
  path: '/2014-11-13/functions/{FunctionName}/invoke-async',
  maxBodyBytes: MAX_EVENT_PAYLOAD_BYTES,
  handle: async ({ labels, headers, body }) => {
    const { function: fn, invokedArn } = catalog.resolve(labels['FunctionName'], undefined)
    const requestId = newRequestId()
    await events.enqueue({
      requestId,
      functionName: fn.name,
      qualifier: undefined,
      invokedArn,
      payload: eventOf(body),
      traceId: traceIdOf(headers.get('x-amzn-trace-id'), requestId),
      clientContext: undefined,
      tenantId: undefined,
    })
    return { status: 202, body: { Status: 202 } }
  },
})
