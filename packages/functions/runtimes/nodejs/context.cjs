'use strict'

const { env } = process
const LOWER_CASE_PREFIX = 'lambda-runtime-'

/** What the head of an answer to `/invocation/next` says. */
function eventOf(head) {
  const event = {
    requestId: '',
    deadlineMs: 0,
    arn: '',
    traceId: undefined,
    client: '',
    identity: '',
    tenantId: undefined,
  }
  for (let start = head.indexOf('\r\n') + 2; start > 1;) {
    const end = head.indexOf('\r\n', start)
    const colon = head.indexOf(':', start)
    const name = head.slice(start, colon).toLowerCase()
    if (name.startsWith(LOWER_CASE_PREFIX)) {
      set(event, name.slice(LOWER_CASE_PREFIX.length), head.slice(colon + 1, end === -1 ? head.length : end).trim())
    }
    start = end === -1 ? -1 : end + 2
  }
  return event
}

function set(event, name, value) {
  if (name === 'aws-request-id') event.requestId = value
  else if (name === 'deadline-ms') event.deadlineMs = Number(value)
  else if (name === 'invoked-function-arn') event.arn = value
  else if (name === 'trace-id') event.traceId = value
  else if (name === 'client-context') event.client = value
  else if (name === 'cognito-identity') event.identity = value
  else if (name === 'aws-tenant-id') event.tenantId = value
}

/** Heads are read as latin1; JSON in them is UTF-8. */
const parsed = (text) => (text === '' ? undefined : JSON.parse(Buffer.from(text, 'latin1').toString()))

/**
 * The second parameter of a handler.
 * @param settle callback, done, fail and succeed of runtimes that have them: `{ waits, done }`
 */
function contextOf(event, settle) {
  const own = settle === undefined ? {} : settling(settle)
  return Object.assign(own, {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(event.client),
    identity: parsed(event.identity),
    invokedFunctionArn: event.arn,
    awsRequestId: event.requestId,
    tenantId: event.tenantId,
    getRemainingTimeInMillis: () => event.deadlineMs - Date.now(),
  })
}

const settling = (settle) => ({
  get callbackWaitsForEmptyEventLoop() {
    return settle.waits
  },
  set callbackWaitsForEmptyEventLoop(waits) {
    settle.waits = waits
  },
  succeed: (result) => settle.done(undefined, result),
  fail: (error) => settle.done(error ?? 'handled'),
  done: (error, result) => settle.done(error, result),
})

module.exports = { eventOf, contextOf }
