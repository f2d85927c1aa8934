import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts values for a browser to keep, so that it can neither read nor change them: AES-256-GCM, under a key that is made of the secret and of what the
 * values are for (HKDF, RFC 5869). A value that was sealed for anything else does not open.
 */
export class Seal {
  private readonly key: Buffer

  /** @param purpose everything that keeps these values apart from others under the same secret */
  constructor(secret: string, purpose: string) {
    this.key = Buffer.from(hkdfSync('sha256', secret, 'sekisho openid-connect', purpose, 32))
  }

  /** base64url of nonce, ciphertext and tag. */
  seal(value: unknown): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce)
    const sealed = [nonce, cipher.update(JSON.stringify(value), 'utf8'), cipher.final(), cipher.getAuthTag()]
    return Buffer.concat(sealed).toString('base64url')
  }

  /** undefined for what was not sealed here. */
  open(text: string): unknown {
    const bytes = Buffer.from(text, 'base64url')
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
    try {
      const plain = decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES), undefined, 'utf8')
      return JSON.parse(plain + decipher.final('utf8'))
    } catch {
      return undefined
    }
  }
}
