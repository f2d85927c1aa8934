import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder for configurations and the upstream's files; in memory where there is such a thing, so no disk is measured. */
export class Workspace {
  #path
  #next = 0

  constructor() {
    this.#path = mkdtempSync(join(isWritable('/dev/shm') ? '/dev/shm' : tmpdir(), 'sekisho-bench-'))
  }

  /**
   * A new empty folder.
   * @param {string} name
   */
  folder(name) {
    const path = join(this.#path, `${this.#next++}-${name}`)
    mkdirSync(path)
    return path
  }

  remove() {
    rmSync(this.#path, { recursive: true, force: true })
  }
}

/** @param {string} path */
function isWritable(path) {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
