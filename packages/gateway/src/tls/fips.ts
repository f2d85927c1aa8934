import { createCipheriv, getFips, setFips } from 'node:crypto'
import { reason } from './pem-chain.ts'

/**
 * Turns FIPS mode on for the whole process, worker threads included: it is a property of OpenSSL's library context, and Node lets the main
 * thread alone set it. Throws what is missing, and leaves the mode off then.
 */
export function useFips(): void {
  if (getFips() === 1) return
  try {
    // Succeeds without a FIPS provider too; then nothing that is asked of OpenSSL works.
    setFips(true)
    // Not a hash: Node keeps those that it has found before.
    createCipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12)).final()
  } catch (error) {
    if (getFips() === 1) setFips(false)
    throw new Error(
      `"fips": this Node.js has no FIPS cryptography (OpenSSL ${process.versions.openssl}: ${reason(error)}); ` +
        'install the FIPS provider of OpenSSL, and name it in the openssl.cnf that Node reads (OPENSSL_CONF, --openssl-config)',
      { cause: error },
    )
  }
}

/** Whether `useFips` would succeed; tried, and undone. */
export function offersFips(): boolean {
  if (getFips() === 1) return true
  try {
    useFips()
    setFips(false)
    return true
  } catch {
    return false
  }
}
