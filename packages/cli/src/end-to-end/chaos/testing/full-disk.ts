import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const SIZE = '24m'
const PIECE = Buffer.alloc(65_536)
const BALLAST = 'ballast'

/** A file system of its own, of 24 MiB, where this may be made: it can be filled. */
export class SmallDisk {
  readonly folder: string
  /** False: it is a folder like any other, and is never full. */
  readonly mounted: boolean

  constructor(folder: string, wanted: boolean) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
    this.mounted =
      wanted &&
      spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'none', folder], { stdio: 'ignore' }).status === 0
  }

  /** To the last byte. */
  fill(): void {
    const file = openSync(join(this.folder, BALLAST), 'w')
    for (let piece = PIECE; piece.length > 0;) {
      try {
        if (writeSync(file, piece) < piece.length) piece = piece.subarray(0, piece.length >> 1)
      } catch {
        piece = piece.subarray(0, piece.length >> 1)
      }
    }
    closeSync(file)
  }

  free(): void {
    rmSync(join(this.folder, BALLAST), { force: true })
  }

  /** Bytes of a file; 0 when there is none. */
  sizeOf(name: string): number {
    const path = join(this.folder, name)
    return existsSync(path) ? statSync(path).size : 0
  }

  remove(): void {
    if (this.mounted) execFileSync('umount', ['-l', this.folder])
    else for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name), { recursive: true, force: true })
  }
}
