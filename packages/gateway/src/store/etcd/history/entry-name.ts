import { randomBytes } from 'node:crypto'

const TIME_DIGITS = 15
const REVISION_DIGITS = 16

/** The name of a new entry: sorts by time, and is nobody else's. */
export const newEntryName = (time: number): string =>
  `${String(time).padStart(TIME_DIGITS, '0')}-${randomBytes(8).toString('hex')}`

/** The name of the entry for a change that others made: the same whichever node writes it. */
export const foreignEntryName = (revision: number): string => `r${String(revision).padStart(REVISION_DIGITS, '0')}`

/** The revision that an entry of others' changes is about; undefined for a commit of a gateway, which is about the one that wrote it. */
export function foreignRevisionOf(name: string): number | undefined {
  return /^r\d{16}$/.test(name) ? Number(name.slice(1)) : undefined
}

/** When the entry was named, milliseconds since 1970; undefined where the name does not tell. */
export function timeOf(name: string): number | undefined {
  return /^\d{15}-/.test(name) ? Number(name.slice(0, TIME_DIGITS)) : undefined
}
