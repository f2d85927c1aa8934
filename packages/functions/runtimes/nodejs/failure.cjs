'use strict'

/** Most bytes of the cause for tracing that go into a header. */
const MAX_CAUSE = 65_536

/** An error whose `errorType` is one of the runtime's own: `Runtime.HandlerNotFound`, … */
class RuntimeFailure extends Error {
  constructor(name, message, stack) {
    super(message)
    this.name = `Runtime.${name}`
    if (stack !== undefined) this.stack = stack
  }
}

/** A rejected promise that nobody caught. */
class UnhandledPromiseRejection extends RuntimeFailure {
  constructor(reason) {
    super('UnhandledPromiseRejection', String(reason))
    this.reason = reason
  }
}

/** @returns `{ errorType, errorMessage, trace }` of whatever was thrown */
function describeError(error) {
  try {
    if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] }
    return { errorType: error.name, errorMessage: error.message, trace: error.stack?.split('\n') ?? [] }
  } catch {
    return {
      errorType: 'handled',
      errorMessage: 'the handler failed, and its error cannot be read: name, message or stack throw',
      trace: [],
    }
  }
}

/** Headers and body of a POST to `…/error`. */
function errorRequest(path, host, error) {
  const described = describeError(error)
  const body = Buffer.from(JSON.stringify(described))
  const cause = error instanceof Error ? causeOf(described) : ''
  return Buffer.concat([
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        `Lambda-Runtime-Function-Error-Type: ${headerText(described.errorType)}\r\n` +
        (cause === '' || cause.length > MAX_CAUSE ? '' : `Lambda-Runtime-Function-XRay-Error-Cause: ${cause}\r\n`) +
        `Content-Length: ${body.length}\r\n\r\n`,
      'latin1',
    ),
    body,
  ])
}

const FRAME = /^\s*at (?:(.*) )?\(?(.*?):(\d+)(?::\d+)?\)?$/

/** The shape X-Ray takes, in ASCII. */
function causeOf({ errorType, errorMessage, trace }) {
  const stack = trace
    .map((line) => FRAME.exec(line))
    .filter((frame) => frame !== null)
    .map(([, label, path, line]) => ({ path, line: Number(line), label: label ?? 'anonymous' }))
  const paths = [...new Set(stack.map(({ path }) => path))]
  const exceptions = [{ type: errorType, message: errorMessage, stack }]
  return headerText(JSON.stringify({ working_directory: process.cwd(), exceptions, paths }))
}

// A header must be printable ASCII; in JSON the escape means the same.
const headerText = (text) =>
  String(text).replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

module.exports = { RuntimeFailure, UnhandledPromiseRejection, describeError, errorRequest, headerText }
