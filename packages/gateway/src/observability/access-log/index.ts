export { compileFormat, type LineFormatter, type LogFields, NAMED_FORMATS } from './format.ts'
export { LogClock } from './log-clock.ts'
export {
  DEFAULT_BUFFER_BYTES,
  DEFAULT_FLUSH_INTERVAL_MS,
  DEFAULT_MAX_WAITING_BYTES,
  LogWriter,
  type LogWriterOptions,
} from './log-writer.ts'
export { LogFormatError } from './template.ts'
