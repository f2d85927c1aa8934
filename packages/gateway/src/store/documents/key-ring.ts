import { createCipheriv, createDecipheriv, hkdfSync, createHash, randomBytes } from 'node:crypto'

/** What encrypted text begins with; behind it the id of the key, then nonce, tag and ciphertext as base64url. */
export const ENCRYPTED_PREFIX = '$enc://1/'

const ALGORITHM = 'aes-256-gcm'
/** NIST SP 800-38D section 8.2.2: 96 random bits are good for 2^32 values under one key. */
const NONCE_BYTES = 12
const TAG_BYTES = 16

interface Key {
  readonly id: string
  readonly secret: Buffer
}

/** Encrypts with the first key, decrypts with all of them (AES-256-GCM). */
export class KeyRing {
  private readonly keys: readonly Key[]

  /** @param secrets any text, of any length; the key is derived from it (HKDF, RFC 5869) */
  constructor(secrets: readonly string[]) {
    this.keys = secrets.map((text) => {
      const secret = Buffer.from(hkdfSync('sha256', text, '', 'sekisho data encryption 1', 32))
      return { id: createHash('sha256').update(secret).digest('base64url').slice(0, 8), secret }
    })
  }

  /** @param context where the text belongs; it can be decrypted there alone */
  encrypt(text: string, context: string): string {
    const [{ id, secret }] = this.keys as readonly [Key]
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, secret, nonce).setAAD(Buffer.from(context))
    const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return `${ENCRYPTED_PREFIX}${id}/${Buffer.concat([nonce, cipher.getAuthTag(), content]).toString('base64url')}`
  }

  /** Undefined: no key of the ring fits, or the text was changed or taken from elsewhere. */
  decrypt(encrypted: string, context: string): string | undefined {
    const [id = '', data = ''] = encrypted.slice(ENCRYPTED_PREFIX.length).split('/')
    const key = this.keys.find((one) => one.id === id)
    const bytes = Buffer.from(data, 'base64url')
    if (key === undefined || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
    try {
      const decipher = createDecipheriv(ALGORITHM, key.secret, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(context))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      return undefined
    }
  }
}
