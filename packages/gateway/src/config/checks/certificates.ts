import { isProblem, readCertificates, readPrivateKey } from '../../tls/pem-chain.ts'
import type { Findings } from '../problem.ts'

/** A certificate and the key that must belong to it. The texts are never shown: a key is a secret. */
export function checkPair(findings: Findings, cert: string, key: string, certPath: string, keyPath: string): void {
  const chain = readCertificates(cert)
  const privateKey = readPrivateKey(key)
  if (isProblem(chain)) findings.add({ path: certPath, ...chain })
  if (isProblem(privateKey)) findings.add({ path: keyPath, ...privateKey })
  if (isProblem(chain) || isProblem(privateKey) || chain[0].checkPrivateKey(privateKey)) return
  const other = chain.findIndex((certificate) => certificate.checkPrivateKey(privateKey))
  findings.add({
    path: keyPath,
    message: 'the key does not belong to the certificate',
    remedy:
      other > 0
        ? `it belongs to certificate number ${other + 1} of the chain: the server's own must come first`
        : `the certificate is that of ${chain[0].subject.replaceAll('\n', ', ') || 'nobody'}`,
  })
}

/** Certificates that others are checked against. */
export function checkAuthorities(findings: Findings, ca: string, path: string): void {
  const certificates = readCertificates(ca)
  if (isProblem(certificates)) {
    findings.add({ path, ...certificates })
    return
  }
  for (const [index, certificate] of certificates.entries()) {
    // One that signed itself may be trusted as it is.
    if (certificate.ca || certificate.checkIssued(certificate)) continue
    findings.add({
      path,
      message: `certificate ${index + 1} of ${certificates.length} (${certificate.subject.replaceAll('\n', ', ')}) is no certificate authority`,
      remedy: 'give the certificate of who signed it',
    })
  }
}
