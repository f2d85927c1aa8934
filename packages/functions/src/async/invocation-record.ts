import type { EventInvokeConfig } from '../catalog/function-catalog.ts'
import type { ServiceError } from '../model/service-error.ts'
import { MAX_EVENT_PAYLOAD_BYTES } from '../control-api/invoke/payload.ts'
import { isFunctionArn, type Delivery } from './delivery.ts'
import type { QueuedEvent } from './queued-event.ts'
import type { RunOutcome } from './run-function.ts'
import type { Condition } from './verdict.ts'

/** Of the last try; undefined: there was none. */
export type LastTry = Extract<RunOutcome, { kind: 'ran' }> | undefined

/** The attribute ErrorMessage of a dead letter: its first KB, as AWS. */
const MAX_ERROR_MESSAGE = 1_024

/** Whom to tell that an event is over, and what. */
export function deliveriesOf(
  event: QueuedEvent,
  condition: Condition,
  last: LastTry,
  refusal: ServiceError | undefined,
  config: EventInvokeConfig,
  now: number,
): Delivery[] {
  const deliveries: Delivery[] = []
  const destination = condition === 'Success' ? config.onSuccess : config.onFailure
  if (destination !== undefined) {
    let body = invocationRecord(event, condition, last, now, true)
    // What a function may be sent as an event is less than what another may have answered.
    if (isFunctionArn(destination) && Buffer.byteLength(body) > MAX_EVENT_PAYLOAD_BYTES)
      body = invocationRecord(event, condition, last, now, false)
    deliveries.push({ arn: destination, body, attributes: {} })
  }
  if (condition !== 'Success' && config.deadLetter !== undefined)
    deliveries.push(deadLetter(event, condition, last, refusal, config.deadLetter))
  return deliveries
}

/** Version 1.0 of the record that destinations get. Payloads are put in as they are. */
function invocationRecord(
  { invocation, attempts }: QueuedEvent,
  condition: Condition,
  last: LastTry,
  now: number,
  withResponse: boolean,
): string {
  const { requestId, invokedArn, qualifier, payload } = invocation
  const requestContext = {
    requestId,
    functionArn: qualifier === undefined ? `${invokedArn}:$LATEST` : invokedArn,
    condition,
    approximateInvokeCount: attempts + (last === undefined ? 0 : 1),
  }
  const head = { version: '1.0', timestamp: new Date(now).toISOString(), requestContext }
  let text = `${JSON.stringify(head).slice(0, -1)},"requestPayload":${payload.toString()}`
  if (last !== undefined) {
    const { functionError } = last.result
    const responseContext = {
      statusCode: 200,
      executedVersion: last.version,
      ...(functionError === undefined ? {} : { functionError }),
    }
    text += `,"responseContext":${JSON.stringify(responseContext)}`
    if (withResponse) text += `,"responsePayload":${asJson(last.result.payload)}`
  }
  return `${text}}`
}

/** The event as it came, and why it failed in attributes. */
function deadLetter(
  { invocation }: QueuedEvent,
  condition: Condition,
  last: LastTry,
  refusal: ServiceError | undefined,
  arn: string,
): Delivery {
  const message = last === undefined ? (refusal?.message ?? condition) : errorMessage(last.result.payload)
  const status = last === undefined ? (refusal?.status ?? 429) : 200
  return {
    arn,
    body: invocation.payload.toString(),
    attributes: {
      RequestID: { type: 'String', value: invocation.requestId },
      ErrorCode: { type: 'Number', value: String(status) },
      ErrorMessage: { type: 'String', value: message.slice(0, MAX_ERROR_MESSAGE) },
    },
  }
}

function errorMessage(payload: Buffer): string {
  try {
    const { errorMessage: message } = JSON.parse(payload.toString()) as { errorMessage?: unknown }
    if (typeof message === 'string') return message
  } catch {
    // Whatever it is, it is what there is.
  }
  return payload.toString()
}

/** What a function answered need not be JSON: then it is a text. */
function asJson(payload: Buffer): string {
  const text = payload.toString()
  try {
    JSON.parse(text)
    return text
  } catch {
    return JSON.stringify(text)
  }
}
