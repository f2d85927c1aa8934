import { expect, it } from 'vitest'
import { HELP, readSettings } from './settings.ts'

it('has a value for everything', () => {
  expect(readSettings({})).toEqual({
    host: '127.0.0.1',
    port: 50_051,
    metricsPort: 9464,
    webPort: 8081,
    stopDelayMs: 0,
    drainLimitMs: 10_000,
    logLevel: 'info',
    otlpEndpoint: undefined,
  })
})

it('takes what the environment says', () => {
  const environment = {
    HOST: '0.0.0.0',
    PORT: '0',
    METRICS_PORT: 'off',
    WEB_PORT: '80',
    STOP_DELAY_MS: '3000',
    DRAIN_LIMIT_MS: '600000',
    LOG_LEVEL: 'warn',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
  }
  expect(readSettings(environment)).toEqual({
    host: '0.0.0.0',
    port: 0,
    metricsPort: undefined,
    webPort: 80,
    stopDelayMs: 3000,
    drainLimitMs: 600_000,
    logLevel: 'warn',
    otlpEndpoint: 'http://collector:4318',
  })
})

it.each([
  [{ PORT: '65536' }, 'PORT must be a whole number from 0 to 65535, not 65536'],
  [{ PORT: 'off' }, 'PORT must be a whole number from 0 to 65535, not off'],
  [{ PORT: '' }, 'PORT must be a whole number from 0 to 65535, not '],
  [{ METRICS_PORT: 'x' }, 'METRICS_PORT must be a whole number from 0 to 65535, or off, not x'],
  [{ DRAIN_LIMIT_MS: '600001' }, 'DRAIN_LIMIT_MS must be a whole number from 0 to 600000, not 600001'],
  [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of info, warn, off, not loud'],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' },
    'OTEL_EXPORTER_OTLP_ENDPOINT must be a URL, as http://127.0.0.1:4318, not collector',
  ],
])('refuses %j', (environment, message) => {
  expect(() => readSettings(environment)).toThrow(message)
})

it('tells of each setting in the help', () => {
  const names = ['HOST', 'PORT', 'METRICS_PORT', 'WEB_PORT', 'STOP_DELAY_MS', 'DRAIN_LIMIT_MS', 'LOG_LEVEL']
  for (const name of [...names, 'OTEL_EXPORTER_OTLP_ENDPOINT']) expect(HELP).toMatch(new RegExp(`^ {2}${name} `, 'm'))
})
