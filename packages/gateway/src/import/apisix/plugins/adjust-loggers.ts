import type { Report } from '../../report/report.ts'
import type { Fields } from '../../output/noted.ts'
import { isFields } from '../source/source-item.ts'

type Adjustment = (config: Fields, path: string, report: Report) => void

const UNVERIFIED = 'APISIX does not verify the certificates of log servers unless it is told to'

/** What is left out means there that certificates are not verified: it is written. */
function leaveUnverified(config: Fields, field: string, path: string, report: Report): void {
  if (config[field] !== undefined) return
  config[field] = false
  report.warnOnce('log servers', path, `${UNVERIFIED}; remove "${field}: false" to do it`)
}

/** Entries that no format says have credentials in them there. */
function tellOfCredentials(config: Fields, path: string, report: Report): void {
  if (config['log_format'] !== undefined) return
  report.warnOnce(
    'credentials in logs',
    path,
    'fields with credentials (authorization, cookie, apikey, …) are "***" in log entries here; name them in "log_format" to have them',
  )
}

const overHttps = (addresses: unknown): boolean => JSON.stringify(addresses ?? '').includes('https://')

const ofTls: Adjustment = (config, path, report) => {
  if (config['tls'] === true) leaveUnverified(config, 'ssl_verify', path, report)
  tellOfCredentials(config, path, report)
}

/** For loggers whose defaults are safer here. */
export const LOGGER_ADJUSTMENTS: Readonly<Record<string, Adjustment>> = {
  'http-logger'(config, path, report) {
    if (overHttps(config['uri'])) leaveUnverified(config, 'ssl_verify', path, report)
    tellOfCredentials(config, path, report)
  },
  'loki-logger'(config, path, report) {
    if (overHttps(config['endpoint_addrs'])) leaveUnverified(config, 'ssl_verify', path, report)
    tellOfCredentials(config, path, report)
  },
  'kafka-logger'(config, path, report) {
    if (isFields(config['tls'])) leaveUnverified(config['tls'], 'verify', path, report)
    tellOfCredentials(config, path, report)
  },
  'tcp-logger': ofTls,
  syslog: ofTls,
  'udp-logger': tellOfCredentials,
  'file-logger': tellOfCredentials,
  'elasticsearch-logger': tellOfCredentials,
  'clickhouse-logger': tellOfCredentials,
  'splunk-hec-logging': tellOfCredentials,
}

/** The same for metadata. */
export function adjustMetadata(plugin: unknown, metadata: Fields, path: string, report: Report): void {
  if (plugin !== 'error-log-logger') return
  const { tcp, kafka, tls, host, port, tls_server_name: serverName } = metadata
  if (tls === true && host !== undefined) {
    // The old form knows no verification; the new one does.
    for (const name of ['tls', 'host', 'port', 'tls_server_name']) delete metadata[name]
    metadata['tcp'] = {
      host,
      port,
      tls,
      ...(serverName === undefined ? {} : { tls_server_name: serverName }),
      ssl_verify: false,
    }
    report.warnOnce('log servers', path, `${UNVERIFIED}; remove "ssl_verify: false" to do it`)
  }
  if (isFields(tcp) && tcp['tls'] === true) leaveUnverified(tcp, 'ssl_verify', `${path}/tcp`, report)
  if (isFields(kafka) && isFields(kafka['tls'])) leaveUnverified(kafka['tls'], 'verify', `${path}/kafka/tls`, report)
}
