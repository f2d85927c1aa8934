import type { QueuedInvocation } from './event-queue.ts'
import type { Delivery } from './delivery.ts'

/** Below it: `OWNER/REQUEST-ID`. */
export const QUEUE_PREFIX = 'queue/'

/** An Event invocation on its way. Kept in the state store until the last step is done. */
export interface QueuedEvent {
  readonly key: string
  readonly invocation: QueuedInvocation
  /** Milliseconds since 1970. */
  readonly enqueuedAt: number
  /** How often the function ran and failed. */
  readonly attempts: number
  /** Not before; 0: at once. Milliseconds since 1970. */
  readonly dueAt: number
  /** How many destinations led from one function to the next until here. */
  readonly hops: number
  /** The function is through with it: what is still to be told to others. */
  readonly deliveries: readonly Delivery[] | undefined
  /** How often that was tried in vain. */
  readonly deliveryAttempts: number
}

/** What is kept besides the payload. */
type Meta = Omit<QueuedEvent, 'key' | 'invocation'> & { readonly invocation: Omit<QueuedInvocation, 'payload'> }

export const eventKey = (owner: string, requestId: string): string => `${QUEUE_PREFIX}${owner}/${requestId}`

/** A line of JSON and the payload as it came: a payload of 1 MiB is neither parsed nor escaped. */
export function encodeEvent(event: QueuedEvent): string {
  const { payload, ...invocation } = event.invocation
  const { enqueuedAt, attempts, dueAt, hops, deliveries, deliveryAttempts } = event
  const meta: Meta = { invocation, enqueuedAt, attempts, dueAt, hops, deliveries, deliveryAttempts }
  return `${JSON.stringify(meta)}\n${payload.toString()}`
}

/** Throws what is wrong with a record that nobody of us can have written. */
export function decodeEvent(key: string, value: string): QueuedEvent {
  const end = value.indexOf('\n')
  const { invocation, ...event } = JSON.parse(value.slice(0, end)) as Meta
  return {
    ...event,
    key,
    deliveries: event.deliveries,
    invocation: {
      ...invocation,
      qualifier: invocation.qualifier,
      traceId: invocation.traceId,
      clientContext: invocation.clientContext,
      tenantId: invocation.tenantId,
      payload: Buffer.from(value.slice(end + 1)),
    },
  }
}
