import { isLogLevel, LOG_LEVELS, type LogLevel } from './log.ts'

/** What the environment says. */
export interface Settings {
  readonly host: string
  readonly port: number
  readonly metricsPort: number | undefined
  readonly webPort: number | undefined
  readonly stopDelayMs: number
  readonly drainLimitMs: number
  readonly logLevel: LogLevel
  readonly otlpEndpoint: string | undefined
}

export const HELP = `The Greeter of proto/helloworld.proto: a gRPC service with health, reflection, metrics and traces, and a web page
that calls it through a gateway.

Usage: node dist/main.js            serves
       node dist/main.js --check    asks one that runs with the same settings for its health: exit status 0 = SERVING
       node dist/main.js --help     prints this

Settings, from the environment:
  HOST                          address to listen on                               127.0.0.1
  PORT                          port of gRPC, 0 = any                              50051
  METRICS_PORT                  port of /metrics, for Prometheus; off = none       9464
  WEB_PORT                      port of the web page; off = none                   8081
  STOP_DELAY_MS                 from NOT_SERVING to refusing connections           0
  DRAIN_LIMIT_MS                how long calls in flight may take after that       10000
  LOG_LEVEL                     info, warn, off                                    info
  OTEL_EXPORTER_OTLP_ENDPOINT   collector for spans, as http://127.0.0.1:4318      none

SIGTERM and SIGINT stop it: health turns NOT_SERVING, calls in flight end; a second signal ends them at once.
`

type Environment = Readonly<Record<string, string | undefined>>

/** Throws an Error that says which variable is wrong, and what would be right. */
export function readSettings(environment: Environment): Settings {
  const logLevel = environment['LOG_LEVEL'] ?? 'info'
  if (!isLogLevel(logLevel)) throw new Error(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, not ${logLevel}`)
  return {
    host: environment['HOST'] ?? '127.0.0.1',
    port: wholeNumber(environment, 'PORT', 50_051, MAX_PORT),
    metricsPort: portOrOff(environment, 'METRICS_PORT', 9464),
    webPort: portOrOff(environment, 'WEB_PORT', 8081),
    stopDelayMs: wholeNumber(environment, 'STOP_DELAY_MS', 0, MAX_WAIT_MS),
    drainLimitMs: wholeNumber(environment, 'DRAIN_LIMIT_MS', 10_000, MAX_WAIT_MS),
    logLevel,
    otlpEndpoint: endpoint(environment, 'OTEL_EXPORTER_OTLP_ENDPOINT'),
  }
}

const MAX_PORT = 65_535
/** Ten minutes. */
const MAX_WAIT_MS = 600_000

function portOrOff(environment: Environment, name: string, usual: number): number | undefined {
  return environment[name] === 'off' ? undefined : wholeNumber(environment, name, usual, MAX_PORT, ', or off')
}

function wholeNumber(environment: Environment, name: string, usual: number, max: number, also = ''): number {
  const text = environment[name]
  if (text === undefined) return usual
  if (!/^\d{1,9}$/.test(text) || Number(text) > max)
    throw new Error(`${name} must be a whole number from 0 to ${max}${also}, not ${text}`)
  return Number(text)
}

function endpoint(environment: Environment, name: string): string | undefined {
  const text = environment[name] || undefined
  if (text !== undefined && !/^https?:\/\/[^/]/.test(text))
    throw new Error(`${name} must be a URL, as http://127.0.0.1:4318, not ${text}`)
  return text
}
