import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** @typedef {{ cert: string, key: string, both: string }} Certificate paths of PEM files */

/**
 * A certificate for the run, signed by its own key: ECDSA on P-256, which is what public authorities give out today
 * and what costs a server least.
 * @param {string} dir
 * @returns {Certificate}
 */
export function makeCertificate(dir) {
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem'), both: join(dir, 'both.pem') }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', files.key]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const args = ['req', '-x509', '-days', '2', ...key, ...subject, '-out', files.cert]
  const { error, status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (error !== undefined) throw new Error('openssl is not installed: apt-get install openssl')
  if (status !== 0) throw new Error(`openssl made no certificate: ${stderr.trim()}`)
  writeFileSync(files.both, readFileSync(files.cert, 'utf8') + readFileSync(files.key, 'utf8'))
  return files
}
