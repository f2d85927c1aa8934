/** Keys of the modules of a thread, by `vm_id`. */
export const MAX_SHARED_KEYS = 10_000
export const MAX_SHARED_BYTES = 16_777_216

interface Entry {
  readonly value: Buffer
  /** Changes with each write; never 0. */
  readonly cas: number
}

/**
 * What filters keep under a key for other requests and other filters with the same `vm_id` (`proxy_get_shared_data`): of one worker thread. Each
 * worker has its own, as each has its own machines.
 */
export class SharedData {
  private readonly entries = new Map<string, Entry>()
  private bytes = 0
  private lastCas = 0

  get(key: string): Entry | undefined {
    return this.entries.get(key)
  }

  /**
   * @param cas 0, or what `get` told: nothing is written when the entry was changed since
   * @returns 'full' when a limit is met
   */
  set(key: string, value: Buffer, cas: number): 'ok' | 'changed' | 'full' {
    const known = this.entries.get(key)
    if (cas !== 0 && (known?.cas ?? 0) !== cas) return 'changed'
    const grows = value.length - (known?.value.length ?? -key.length)
    if (this.bytes + grows > MAX_SHARED_BYTES) return 'full'
    if (known === undefined && this.entries.size >= MAX_SHARED_KEYS) return 'full'
    this.bytes += grows
    this.lastCas = this.lastCas >= 0xffff_ffff ? 1 : this.lastCas + 1
    this.entries.set(key, { value, cas: this.lastCas })
    return 'ok'
  }
}
