import { writeFileSync } from 'node:fs'
import { Failure } from '../failure.ts'

/** Writes a file that is not there yet: one that is there may have been worked on since it was written. */
export function writeNew(file: string, text: string, mode = 0o666): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new Failure(`${file} exists, and is left as it is; remove it, or name another file`)
    throw new Failure(`${file} cannot be written: ${(error as Error).message}`)
  }
}
