export { createLog, type Log, type LogFields, type LogLevel } from './log.ts'
export { type GreeterOptions, type RunningGreeter, startGreeter } from './start-greeter.ts'
