import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crcOf } from './record.ts'
import { SEQUENCE_CELL, type PurgeTable } from './purge-table.ts'

/** Cell, number, CRC-32 of both. */
const RECORD_BYTES = 12
const NAME = 'purges'

/** Purges of a disk store, so that a restart does not bring back what was purged: a record is appended before the purge is answered. */
export class PurgeJournal {
  private readonly path: string

  constructor(folder: string) {
    this.path = join(folder, NAME)
  }

  /** Puts what is in the file into the table, and writes the file anew without what is in there twice. At the start. */
  restore(table: PurgeTable): void {
    let bytes: Buffer
    try {
      bytes = readFileSync(this.path)
    } catch {
      return
    }
    // The last record may be cut: the process died while it was appended, and nobody was told that it was purged.
    for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      const record = bytes.subarray(at, at + RECORD_BYTES)
      if (crcOf(record.subarray(0, 8)) === record.readUInt32LE(8))
        table.restore(record.readUInt32LE(0), record.readUInt32LE(4))
    }
    const records = [...table.purged()].map(([cell, number]) => recordOf(cell, number))
    records.push(recordOf(SEQUENCE_CELL, table.sequence))
    writeFileSync(`${this.path}.new`, Buffer.concat(records))
    renameSync(`${this.path}.new`, this.path)
  }

  append(cell: number, number: number): Promise<void> {
    return appendFile(this.path, recordOf(cell, number))
  }
}

function recordOf(cell: number, number: number): Buffer {
  const record = Buffer.allocUnsafe(RECORD_BYTES)
  record.writeUInt32LE(cell, 0)
  record.writeUInt32LE(number, 4)
  record.writeUInt32LE(crcOf(record.subarray(0, 8)), 8)
  return record
}
