import { posix } from 'node:path'
import { MAX_LINK_HOPS, MAX_NAME_BYTES, MAX_PATH_BYTES } from '../limits.ts'

/**
 * A path within a package: relative, without `.` and `..` and empty parts.
 * @returns undefined with a path that leaves the package or that no file can have
 */
export function packagePath(name: string): string | undefined {
  if (name.includes('\0') || name.startsWith('/') || /^[a-zA-Z]:[/\\]/.test(name)) return undefined
  if (Buffer.byteLength(name) > MAX_PATH_BYTES) return undefined
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.some((part) => part === '..' || Buffer.byteLength(part) > MAX_NAME_BYTES)) return undefined
  return parts.join('/')
}

type Node = 'directory' | 'file' | { readonly link: string }

/** What a package will look like when it is unpacked, before a byte of it is written. */
export class PathTree {
  readonly #nodes = new Map<string, Node>([['', 'directory']])

  /** @returns why it cannot be there */
  add(path: string, node: Node): string | undefined {
    const there = this.#nodes.get(path)
    if (there !== undefined)
      return there === 'directory' && node === 'directory' ? undefined : `${path} is in the package twice`
    const problem = this.#addParents(path)
    if (problem === undefined) this.#nodes.set(path, node)
    return problem
  }

  /** Folders that files are in, whether the package names them or not; parents first. */
  directories(): string[] {
    return [...this.#nodes].filter(([path, node]) => node === 'directory' && path !== '').map(([path]) => path)
  }

  /**
   * Follows every link as the kernel would.
   * @returns the first that leaves the package, or goes in circles
   */
  strayLink(): string | undefined {
    for (const [path, node] of this.#nodes)
      if (typeof node === 'object' && !this.#staysInside(path, node.link))
        return `${path} is a symbolic link to ${node.link}, which leaves the package`
    return undefined
  }

  #addParents(path: string): string | undefined {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash)
      const there = this.#nodes.get(parent)
      if (there === undefined) this.#nodes.set(parent, 'directory')
      else if (there !== 'directory') return `${path} is in ${parent}, which is not a folder`
    }
    return undefined
  }

  #staysInside(path: string, link: string): boolean {
    if (link === '' || link.startsWith('/') || link.includes('\0')) return false
    const folder = posix.dirname(path)
    const at = folder === '.' ? [] : folder.split('/')
    const todo = link.split('/').reverse()
    for (let hops = 0; todo.length > 0;) {
      const part = todo.pop()!
      if (part === '' || part === '.') continue
      if (part === '..') {
        if (at.pop() === undefined) return false
        continue
      }
      at.push(part)
      const node = this.#nodes.get(at.join('/'))
      if (typeof node !== 'object') continue
      if (++hops > MAX_LINK_HOPS || node.link.startsWith('/')) return false
      at.pop()
      todo.push(...node.link.split('/').reverse())
    }
    return true
  }
}
