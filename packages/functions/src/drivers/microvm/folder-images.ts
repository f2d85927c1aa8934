import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Folders as squashfs images, for a machine has no other way to the host's files. Unpacked packages never change, so each is made once. */
export class FolderImages {
  private readonly folder: string
  private readonly program: string
  private readonly making = new Map<string, Promise<string>>()

  constructor(folder: string, program: string) {
    this.folder = folder
    this.program = program
  }

  imageOf(directory: string): Promise<string> {
    const known = this.making.get(directory)
    if (known !== undefined) return known
    const made = this.make(directory)
    this.making.set(directory, made)
    made.catch(() => this.making.delete(directory))
    return made
  }

  private async make(directory: string): Promise<string> {
    const image = join(this.folder, `${createHash('sha256').update(directory).digest('hex').slice(0, 24)}.squashfs`)
    if (existsSync(image)) return image
    await mkdir(this.folder, { recursive: true })
    await run(this.program, [directory, `${image}.new`, '-noappend', '-quiet', '-no-progress', '-all-root'])
    await rename(`${image}.new`, image)
    return image
  }
}
