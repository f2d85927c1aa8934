import { PURGE_ALL, PurgeJournal, PurgeTable } from '@sekisho/proxy/cache'
import type { CacheZoneSettings } from '../config/settings/proxy-cache.ts'
import { zoneBuffer } from './zone-buffers.ts'

/** What is to be removed from a zone. */
export type Purge = { readonly url: string } | { readonly tag: string } | { readonly all: true }

/** Purges by the control thread: a number in shared memory, which every worker looks at before it uses what is stored. */
export class ZonePurges {
  readonly names: readonly string[]
  private readonly zones: readonly CacheZoneSettings[]
  private readonly buffers: Readonly<Record<string, SharedArrayBuffer>>

  constructor(zones: readonly CacheZoneSettings[], buffers: Readonly<Record<string, SharedArrayBuffer>>) {
    this.zones = zones
    this.buffers = buffers
    this.names = zones.map(({ name }) => name)
  }

  /**
   * Resolves when no worker uses it any more, nor the next process.
   * @param zone undefined: every zone
   */
  async purge(what: Purge, zone: string | undefined): Promise<void> {
    for (const { name, disk } of this.zones) {
      if (zone !== undefined && zone !== name) continue
      const table = new PurgeTable(this.buffers[zoneBuffer(name, 'purges')])
      const cell = table.cellOf('url' in what ? `url ${what.url}` : 'tag' in what ? `tag ${what.tag}` : PURGE_ALL)
      const number = table.purge(cell)
      if (disk !== undefined) await keep(disk.path, cell, number)
    }
  }
}

/** A folder that is not there has nothing that could come back. */
async function keep(folder: string, cell: number, number: number): Promise<void> {
  try {
    await new PurgeJournal(folder).append(cell, number)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** A URL as the key of a response has it: scheme and host in lower case, without a default port and a fragment. */
export function purgeUrl(text: string): string | undefined {
  try {
    const { protocol, host, pathname, search } = new URL(text)
    return protocol === 'http:' || protocol === 'https:' ? `${protocol}//${host}${pathname}${search}` : undefined
  } catch {
    return undefined
  }
}
