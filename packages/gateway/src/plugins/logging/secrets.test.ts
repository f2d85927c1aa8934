import { expect, test } from 'vitest'
import { secretRule } from '../../config/secret-fields.ts'

const lookup = { get: () => undefined, names: () => [] }
const onRoute = secretRule('routes', lookup)
const inMetadata = secretRule('plugin_metadata', lookup)

test.each([
  'http-logger/auth_header',
  'loki-logger/headers/Authorization',
  'loki-logger/headers/X-Api-Key',
  'elasticsearch-logger/auth/password',
  'elasticsearch-logger/headers/X-Token',
  'clickhouse-logger/password',
  'kafka-logger/brokers/sasl_config/password',
  'splunk-hec-logging/endpoint/token',
])('%s is a secret', (path) => expect(onRoute(['plugins', ...path.split('/')])).toBe(true))

test.each([
  'http-logger/uri',
  'loki-logger/log_labels/job',
  'kafka-logger/key',
  'elasticsearch-logger/auth/username',
  'syslog/host',
])('%s is none', (path) => expect(onRoute(['plugins', ...path.split('/')])).toBe(false))

test.each(['clickhouse/password', 'kafka/brokers/sasl_config/password'])('%s of error-log-logger is a secret', (path) =>
  expect(inMetadata(path.split('/'))).toBe(true),
)
