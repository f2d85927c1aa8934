import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AcmeProblem } from './jws.ts'

/** Whether the program is there that signs certificates. */
export const hasOpenssl = ((): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** Signs certificates with a root of its own, through `openssl`. */
export class Issuer {
  /** PEM. */
  readonly root: string
  private readonly folder = mkdtempSync(join(tmpdir(), 'sekisho-ca-'))

  constructor() {
    this.openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...[
        '-subj',
        '/CN=fake root',
        '-addext',
        'basicConstraints=critical,CA:true',
        '-keyout',
        'ca.key',
        '-out',
        'ca.pem',
      ],
    )
    this.root = readFileSync(join(this.folder, 'ca.pem'), 'utf8')
  }

  /** A chain for a certificate signing request (DER), which must be signed by its own key and for exactly these names. */
  issue(csr: Buffer, names: readonly string[], days: number): string {
    writeFileSync(join(this.folder, 'csr.der'), csr)
    try {
      this.openssl('req', '-inform', 'DER', '-in', 'csr.der', '-verify', '-noout', '-text', '-out', 'csr.txt')
    } catch {
      throw new AcmeProblem('badCSR', 400, 'the request is not signed by its own key')
    }
    const asked = [...readFileSync(join(this.folder, 'csr.txt'), 'utf8').matchAll(/DNS:([^,\s]+)/g)].map(
      ([, name]) => name,
    )
    const missing = names.filter((name) => !asked.includes(name))
    if (missing.length > 0 || asked.some((name) => !names.includes(name)))
      throw new AcmeProblem('badCSR', 400, `the request is for ${asked.join()} and not for ${names.join()}`)
    writeFileSync(join(this.folder, 'ext.cnf'), `subjectAltName=${names.map((name) => `DNS:${name}`).join()}\n`)
    this.openssl(
      ...['x509', '-req', '-inform', 'DER', '-in', 'csr.der', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', String(days), '-extfile', 'ext.cnf', '-out', 'leaf.pem'],
    )
    return readFileSync(join(this.folder, 'leaf.pem'), 'utf8') + this.root
  }

  close(): void {
    rmSync(this.folder, { recursive: true })
  }

  private openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe' })
  }
}
