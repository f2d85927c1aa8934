/** What can be seen of a running node: metrics, access log, error log. */
export * from './access-log/index.ts'
export { createErrorLog, type ErrorLog, type ErrorLogLevel, type ErrorLogOptions } from './error-log.ts'
export * from './metrics/index.ts'
