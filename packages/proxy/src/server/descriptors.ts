import type { ListenerInfo } from './application.ts'
import type { BoundListener } from './bind.ts'

// Why not by `import`: see logger.ts.
const { closeSync, fstatSync } = process.getBuiltinModule('node:fs')

/** A listener in the gateway process: `count` duplicates of one socket, numbered from `firstFd` without a gap. */
export interface InheritedListener extends ListenerInfo {
  readonly firstFd: number
  readonly count: number
}

/**
 * Repeats each socket's descriptor `copies` times behind those in `stdio`; `spawn` makes a duplicate of each mention.
 * Appends to `stdio`, whose length is the number that the next descriptor will have in the child.
 */
export function layOut(stdio: unknown[], bound: readonly BoundListener[], copies: number): InheritedListener[] {
  return bound.map(({ key, address, fd }) => {
    const firstFd = stdio.length
    for (let i = 0; i < copies; i++) stdio.push(fd)
    return { key, address, firstFd, count: copies }
  })
}

/** The duplicates that no worker has taken yet, as sets of one for each listener. */
export class DescriptorPool {
  #sets: number[][] = []
  /** The inode of each listener's socket: a number whose inode differs was closed and is something else now. */
  readonly #inodes: readonly number[]

  constructor(listeners: readonly InheritedListener[]) {
    this.#inodes = listeners.map((listener) => fstatSync(listener.firstFd).ino)
    const copies = listeners.length === 0 ? 0 : Math.min(...listeners.map((listener) => listener.count))
    for (let i = copies - 1; i >= 0; i--) this.#sets.push(listeners.map((listener) => listener.firstFd + i))
  }

  get remaining(): number {
    // Without listeners there is nothing that could be used up.
    return this.#inodes.length === 0 ? Number.POSITIVE_INFINITY : this.#sets.length
  }

  /** One descriptor for each listener, in their order; undefined when all are used up. */
  take(): number[] | undefined {
    return this.#inodes.length === 0 ? [] : this.#sets.pop()
  }

  /** After a worker ended: a set that it never opened is used again, and what it left half open is closed. */
  giveBack(set: readonly number[]): void {
    const open = set.filter((fd, i) => this.#isOurs(fd, i))
    if (open.length === set.length && open.length > 0) this.#sets.push([...set])
    else for (const fd of open) closeSync(fd)
  }

  /** Closes what is left: as long as one duplicate is open the kernel goes on queueing connections that nobody would accept. */
  close(): void {
    for (const set of this.#sets) for (const fd of set) closeSync(fd)
    this.#sets = []
  }

  #isOurs(fd: number, listener: number): boolean {
    try {
      return fstatSync(fd).ino === this.#inodes[listener]
    } catch {
      return false
    }
  }
}
