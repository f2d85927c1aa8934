import { createSecureContext, getCiphers } from 'node:tls'
import { suggest } from '../config/explain/suggest.ts'

/**
 * The first cipher of an OpenSSL list that this OpenSSL does not know, and what may be meant: OpenSSL itself passes over unknown ones in
 * silence. What is taken out of the list (`!RC4`, `-SHA1`) may be unknown.
 */
export function unknownCipher(list: string): { name: string; meant: string | undefined } | undefined {
  for (const token of list.split(/[:, ]+/)) {
    if (token === '' || /^[!@-]/.test(token)) continue
    const name = token.replace(/^\+/, '')
    try {
      createSecureContext({ ciphers: name })
    } catch {
      const known = getCiphers().map((cipher) => cipher.toUpperCase())
      return { name, meant: suggest(name, known) }
    }
  }
  return undefined
}
