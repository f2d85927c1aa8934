import { TLS_VERSIONS } from '../../../resources/ssl.ts'
import { fieldPath, type ImportContext, type Resource } from '../import-context.ts'

/** Reads a certificate, in place. */
export function readSsl(ssl: Resource, { report }: ImportContext): void {
  const { fields } = ssl
  const versions = fields['ssl_protocols']
  if (Array.isArray(versions)) {
    const known = versions.filter((version) => (TLS_VERSIONS as readonly unknown[]).includes(version))
    const unknown = versions.filter((version) => !known.includes(version))
    if (unknown.length > 0)
      report.add(
        'not carried over',
        fieldPath(ssl, 'ssl_protocols'),
        `${unknown.join(', ')}: the oldest here is TLS 1.2`,
      )
    if (known.length > 0) fields['ssl_protocols'] = known
    else delete fields['ssl_protocols']
  }
  if (fields['cert'] === undefined || fields['key'] !== undefined) return
  const variable = `SSL_${String(fields['id'])
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '_')}_KEY`
  fields['key'] = `$env://${variable}`
  ssl.notes.push('APISIX does not show private keys: put this one into the variable, or write { file: PATH }.')
  report.add('not carried over', fieldPath(ssl, 'key'), `APISIX does not show it: put it into the variable ${variable}`)
}
