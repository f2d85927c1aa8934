import { createDecipheriv } from 'node:crypto'

/** RFC 7516 section 3.1, with a key that both sides know: the second of the five parts is empty. */
export interface CompactJwe {
  /** Names the key. */
  readonly keyId: string
  /** As it was sent: it is authenticated. */
  readonly header: string
  readonly iv: Buffer
  readonly ciphertext: Buffer
  readonly tag: Buffer
}

/** Longer ones are refused before they are looked at. */
const MAX_LENGTH = 65_536
const FORM = /^([\w-]+)\.\.([\w-]{16})\.([\w-]*)\.([\w-]{22})$/

/** Key and IV of AES-256-GCM, in bytes. */
export const KEY_BYTES = 32

/** Takes a token apart; undefined: it is none of those that are taken (`dir` with A256GCM). */
export function readJwe(token: string): CompactJwe | undefined {
  if (token.length > MAX_LENGTH) return undefined
  const [, header, iv, ciphertext, tag] = FORM.exec(token) ?? []
  if (header === undefined) return undefined
  let fields: unknown
  try {
    fields = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
  if (fields === null || typeof fields !== 'object') return undefined
  const { alg, enc, kid, zip, crit } = fields as Record<string, unknown>
  // A header that says nothing about the algorithms is one of APISIX's own.
  if ((alg ?? 'dir') !== 'dir' || (enc ?? 'A256GCM') !== 'A256GCM' || zip !== undefined || crit !== undefined)
    return undefined
  if (typeof kid !== 'string') return undefined
  const bytes = (text = ''): Buffer => Buffer.from(text, 'base64url')
  return { keyId: kid, header, iv: bytes(iv), ciphertext: bytes(ciphertext), tag: bytes(tag) }
}

/** What was encrypted, a character for each byte, as fields are read and written; undefined: the key is another one, or something was changed. */
export function decryptJwe(jwe: CompactJwe, key: Uint8Array): string | undefined {
  // RFC 7516 section 5.1 authenticates the header too. What APISIX's own tools encrypt does not; nothing that we take depends on the header but the key.
  return decrypt(jwe, key, Buffer.from(jwe.header, 'latin1')) ?? decrypt(jwe, key, Buffer.alloc(0))
}

function decrypt({ iv, ciphertext, tag }: CompactJwe, key: Uint8Array, additional: Buffer): string | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tag.length })
  decipher.setAAD(additional)
  decipher.setAuthTag(tag)
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('latin1')
  } catch {
    return undefined
  }
}
