import type { StoredResponse } from './stored-response.ts'

/** What one entry costs beside its body: objects, header text, key. */
const OVERHEAD_BYTES = 2_048

/**
 * Responses that this worker found lately, ready to be sent: a hit in here costs one look at a map and one at shared memory. Bounded in bytes; the
 * oldest goes unless it was used since it last was the oldest (second chance).
 */
export class LocalEntries {
  bytes = 0
  private readonly limitBytes: number
  private readonly entries = new Map<string, { readonly stored: StoredResponse; used: boolean }>()

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get(key: string): StoredResponse | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    entry.used = true
    return entry.stored
  }

  set(stored: StoredResponse): void {
    this.delete(stored.key)
    const size = sizeOf(stored)
    if (size > this.limitBytes) return
    this.entries.set(stored.key, { stored, used: false })
    this.bytes += size
    while (this.bytes > this.limitBytes) this.evict()
  }

  delete(key: string): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    this.entries.delete(key)
    this.bytes -= sizeOf(entry.stored)
  }

  private evict(): void {
    for (const [key, entry] of this.entries) {
      this.entries.delete(key)
      if (!entry.used) {
        this.bytes -= sizeOf(entry.stored)
        return
      }
      entry.used = false
      this.entries.set(key, entry)
    }
  }
}

const sizeOf = (stored: StoredResponse): number =>
  OVERHEAD_BYTES + 2 * stored.key.length + (stored.text === undefined ? 0 : stored.text.length)
