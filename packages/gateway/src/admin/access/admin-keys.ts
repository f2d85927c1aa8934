import { createHash, timingSafeEqual } from 'node:crypto'
import type { AdminKey } from '../../config/settings/node-settings.ts'

/** Who may do what. Compares in a time that says nothing about the keys. */
export class AdminKeys {
  private readonly keys: readonly { readonly digest: Buffer; readonly key: AdminKey }[]

  constructor(keys: readonly AdminKey[]) {
    this.keys = keys.map((key) => ({ digest: digest(key.key), key }))
  }

  /** Digests have one length, and all keys are compared, also after the right one. */
  find(given: string): AdminKey | undefined {
    const wanted = digest(given)
    let found: AdminKey | undefined
    for (const { digest: known, key } of this.keys) if (timingSafeEqual(known, wanted)) found = key
    return found
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
