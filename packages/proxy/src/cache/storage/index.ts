/** What the control thread needs of a cache: the memory that the workers share. */
export { DiskStore } from './disk-store.ts'
export { MemoryStore } from './memory-store.ts'
export { PurgeTable } from './purge-table.ts'
