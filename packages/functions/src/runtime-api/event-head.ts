import { Headers, latin1TextOf, ResponseHead } from '@sekisho/wire'
import type { RuntimeEvent } from './runtime-api-listener.ts'

/** All fields that the head of an event may have; a copy of it knows their names before it has their lines. */
const NAMES = [
  'Content-Type',
  'Content-Length',
  'Lambda-Runtime-Aws-Request-Id',
  'Lambda-Runtime-Deadline-Ms',
  'Lambda-Runtime-Invoked-Function-Arn',
  'Lambda-Runtime-Trace-Id',
  'Lambda-Runtime-Client-Context',
  'Lambda-Runtime-Cognito-Identity',
  'Lambda-Runtime-Aws-Tenant-Id',
]
const NO_NAMES: string[] = []
const TEMPLATE = new Headers()
TEMPLATE.appendLines('', NAMES)

/** The head of the answer to `/runtime/invocation/next`; what is empty is left out. */
export function eventHead(event: RuntimeEvent): ResponseHead {
  const { length } = event.payload
  let lines =
    'Content-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: ' +
    fieldText(event.requestId) +
    '\r\nLambda-Runtime-Deadline-Ms: ' +
    // A whole number: lambda_runtime (Rust) panics at a fraction.
    Math.floor(event.deadlineMs) +
    '\r\nLambda-Runtime-Invoked-Function-Arn: ' +
    fieldText(event.invokedArn) +
    '\r\n'
  if (event.traceId) lines += 'Lambda-Runtime-Trace-Id: ' + fieldText(event.traceId) + '\r\n'
  if (event.clientContext) lines += 'Lambda-Runtime-Client-Context: ' + fieldText(event.clientContext) + '\r\n'
  if (event.cognitoIdentity) lines += 'Lambda-Runtime-Cognito-Identity: ' + fieldText(event.cognitoIdentity) + '\r\n'
  if (event.tenantId) lines += 'Lambda-Runtime-Aws-Tenant-Id: ' + fieldText(event.tenantId) + '\r\n'
  const headers = TEMPLATE.clone()
  headers.appendLines(lines + 'Content-Length: ' + length + '\r\n', NO_NAMES)
  return new ResponseHead(200, 'OK', headers, length)
}

/**
 * What a caller sent, as it may stand in a field: a client context is JSON that may be written on several lines, and a line end would begin a
 * field of the caller's own. Line ends and other controls become spaces (Go's server, which AWS uses, does it so), other text its UTF-8 bytes.
 */
export function fieldText(value: string): string {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    // eslint-disable-next-line no-control-regex
    if (code < 0x20 || code > 0x7e) return latin1TextOf(Buffer.from(value.replace(/[\0-\x1f\x7f]/g, ' ')))
  }
  return value
}
