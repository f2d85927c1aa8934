import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g

/** What is wrong with a text, and what would be right. */
export interface PemProblem {
  readonly message: string
  readonly remedy?: string
}

/** The certificates of a PEM text, in its order; or what is wrong with it. */
export function readCertificates(pem: string): readonly X509Certificate[] | PemProblem {
  const certificates: X509Certificate[] = []
  for (const [text, label = ''] of pem.matchAll(BLOCK)) {
    if (label.endsWith('PRIVATE KEY')) {
      return { message: 'holds a private key', remedy: 'a certificate begins with "-----BEGIN CERTIFICATE-----"' }
    }
    if (label !== 'CERTIFICATE' && label !== 'TRUSTED CERTIFICATE' && label !== 'X509 CERTIFICATE') continue
    try {
      certificates.push(new X509Certificate(text))
    } catch (error) {
      const which = certificates.length === 0 ? '' : `number ${certificates.length + 1} `
      return { message: `certificate ${which}cannot be read: ${reason(error)}` }
    }
  }
  if (certificates.length > 0) return certificates
  return { message: 'holds no certificate', remedy: 'a certificate begins with "-----BEGIN CERTIFICATE-----"' }
}

/** The private key of a PEM text; or what is wrong with it. */
export function readPrivateKey(pem: string): KeyObject | PemProblem {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    return {
      message: `holds no private key${pem.includes('-----BEGIN CERTIFICATE-----') ? ', but a certificate' : ''}`,
      remedy: 'a private key begins with "-----BEGIN PRIVATE KEY-----"',
    }
  }
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    return { message: 'is protected by a passphrase', remedy: 'decrypt it: openssl pkey -in KEY -out NEW' }
  }
  try {
    return createPrivateKey(pem)
  } catch (error) {
    return { message: `the private key cannot be read: ${reason(error)}` }
  }
}

export const isProblem = (result: object): result is PemProblem => 'message' in result

/** OpenSSL's words without its numbers: `error:0680009B:asn1 encoding routines::too long` is `too long`. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return /^error:[0-9A-F]+:[^:]*:[^:]*:(.+)$/.exec(text)?.[1] ?? text
}
