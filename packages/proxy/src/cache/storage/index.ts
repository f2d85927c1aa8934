/** What the control thread needs of a cache: the memory that the workers share. */
export { DiskStore } from './disk-store.ts'
export { MemoryStore } from './memory-store.ts'
export { PurgeJournal } from './purge-journal.ts'
export { PURGE_ALL, PurgeTable } from './purge-table.ts'
