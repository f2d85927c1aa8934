import { DiskStore, MemoryStore, PurgeTable } from '@sekisho/proxy/cache'
import type { CacheZoneSettings } from '../config/settings/proxy-cache.ts'

/** Names of what the threads share of a zone. */
export const zoneBuffer = (zone: string, part: 'index' | 'blocks' | 'pins' | 'purges'): string =>
  `cache ${zone} ${part}`

/** Memory of the zones, made by the control thread. None of it is touched before a worker uses the zone. */
export function zoneBuffers(zones: readonly CacheZoneSettings[], workers: number): Record<string, SharedArrayBuffer> {
  const buffers: Record<string, SharedArrayBuffer> = {}
  for (const { name, memoryBytes, disk } of zones) {
    buffers[zoneBuffer(name, 'purges')] = PurgeTable.createBuffer()
    if (disk !== undefined) {
      buffers[zoneBuffer(name, 'index')] = DiskStore.createBuffer(disk.bytes)
      continue
    }
    const memory = MemoryStore.createBuffers(memoryBytes, workers)
    buffers[zoneBuffer(name, 'index')] = memory.index
    buffers[zoneBuffer(name, 'blocks')] = memory.blocks
    buffers[zoneBuffer(name, 'pins')] = memory.pins
  }
  return buffers
}
