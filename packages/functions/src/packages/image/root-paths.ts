import { lstat, mkdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { MAX_LINK_HOPS } from '../limits.ts'
import { TarError } from './tar-stream.ts'

/** Finds folders in a root file system that is being made, as the kernel would after chroot: no link leads out of it. */
export class RootPaths {
  readonly #root: string
  /** Folders by the paths they were asked for. */
  readonly #known = new Map<string, string>()

  constructor(root: string) {
    this.#root = root
  }

  /** Something was removed or became a link. */
  forget(): void {
    this.#known.clear()
  }

  /** The host's path of an entry, whose folder is made when it is not there. Links in the folder are followed, the entry itself is not. */
  async placeOf(path: string): Promise<string> {
    const slash = path.lastIndexOf('/')
    return join(await this.#folder(slash < 0 ? '' : path.slice(0, slash)), path.slice(slash + 1))
  }

  async #folder(path: string): Promise<string> {
    const known = this.#known.get(path)
    if (known !== undefined) return known
    const folder = await this.#walk(path)
    this.#known.set(path, folder)
    return folder
  }

  async #walk(path: string): Promise<string> {
    let at: string[] = []
    const todo = path.split('/').reverse()
    for (let hops = 0; todo.length > 0;) {
      const part = todo.pop()!
      if (part === '' || part === '.') continue
      if (part === '..') {
        at.pop()
        continue
      }
      const here = join(this.#root, ...at, part)
      const found = await lstat(here).catch(() => undefined)
      if (found === undefined) await mkdir(here, { mode: 0o755 })
      else if (found.isSymbolicLink()) {
        if (++hops > MAX_LINK_HOPS) throw new TarError(`${path} goes through links in a circle`)
        const link = await readlink(here)
        if (link.startsWith('/')) at = []
        todo.push(...link.split('/').reverse())
        continue
      } else if (!found.isDirectory())
        throw new TarError(`${path} is in ${at.concat(part).join('/')}, which is not a folder`)
      at.push(part)
    }
    return join(this.#root, ...at)
  }
}
