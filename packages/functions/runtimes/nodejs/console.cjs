'use strict'
const { writeSync } = require('node:fs')
const { format } = require('node:util')

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
/** How long to wait when the engine does not read fast enough; stdout may be non-blocking once the handler has touched it. */
const RETRY_MS = 1

/** @type {(level: string, message: unknown, ...more: unknown[]) => string} */
let lineOf

/**
 * Makes the console write a line a record as AWS's runtimes do, all of it to standard output: `ISO TAB request id TAB level TAB message` with
 * line ends in a message turned into `\r`, or JSON.
 */
function patchConsole(store) {
  const json = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON'
  lineOf = json ? jsonLine : textLine
  const least = Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase() ?? 'TRACE'))
  LEVELS.forEach((level, rank) => {
    console[level.toLowerCase()] =
      rank < least
        ? () => {}
        : (message, ...more) => write(lineOf(store, level, message, more).replaceAll('\n', '\r') + '\n')
  })
  console.log = console.info
}

function textLine(store, level, message, more) {
  return `${new Date().toISOString()}\t${store.getRequestId()}\t${level}\t${format(message, ...more)}`
}

function jsonLine(store, level, message, more) {
  const line = { timestamp: new Date().toISOString(), level, requestId: store.getRequestId() }
  const tenantId = store.getTenantId()
  if (tenantId) line.tenantId = tenantId
  line.message = more.length === 0 ? message : format(message, ...more)
  const error = more.find((value) => value instanceof Error)
  if (error !== undefined) {
    Object.assign(line, { errorType: error.constructor?.name ?? 'UnknownError', errorMessage: error.message })
    line.stackTrace = typeof error.stack === 'string' ? error.stack.split('\n') : []
  }
  try {
    return JSON.stringify(line, errorsAsObjects)
  } catch {
    return JSON.stringify({ ...line, message: format(message) })
  }
}

function errorsAsObjects(_key, value) {
  if (!(value instanceof Error)) return value
  const stackTrace = typeof value.stack === 'string' ? value.stack.split('\n') : value.stack
  const described = { errorType: value.constructor?.name ?? 'UnknownError', errorMessage: value.message, stackTrace }
  return Object.assign(described, value)
}

/** The record of a failed init or invocation. */
function logError(what, error) {
  const known = error instanceof Error ? error : new Error(String(error))
  if (lineOf === jsonLine) console.error(known)
  else console.error(what, `\t${JSON.stringify(known, detailed)}`)
}

function detailed(_key, value) {
  if (!(value instanceof Error)) return typeof value === 'bigint' ? String(value) : value
  const { name, message, code, stack } = value
  return Object.assign({ errorType: name, errorMessage: message, code }, value, { stack: String(stack).split('\n') })
}

function write(line) {
  const bytes = Buffer.from(line)
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(1, bytes, written)
    } catch (error) {
      if (error.code !== 'EAGAIN') return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
    }
  }
}

module.exports = { patchConsole, logError }
