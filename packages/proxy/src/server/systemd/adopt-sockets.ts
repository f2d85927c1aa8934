import { isIP } from 'node:net'
import type { AddressInfo } from 'node:net'
import { adoptDescriptor } from '../bind.ts'
import type { BoundListener } from '../bind.ts'
import type { ListenAddress } from '../listen-address.ts'
import type { ServerLogger } from '../logger.ts'

const { readFileSync, readlinkSync } = process.getBuiltinModule('node:fs')

/** The first descriptor that systemd opens (sd_listen_fds(3)). */
const FIRST_DESCRIPTOR = 3

type Socket = Pick<BoundListener, 'fd' | 'address' | 'close'> & { readonly name: string | undefined }

/** Sockets that were opened before this process was started: socket activation. Each is found by its address. */
export class AdoptedSockets {
  readonly #sockets: Socket[] = []
  readonly #logger: ServerLogger

  /** What is not a listening TCP or Unix socket is left alone, and a line says so. */
  constructor(count: number, names: readonly string[], logger: ServerLogger) {
    this.#logger = logger
    for (let i = 0; i < count; i++) {
      const fd = FIRST_DESCRIPTOR + i
      const adopted = adoptDescriptor(fd)
      const address = adopted?.address ?? (adopted === undefined ? undefined : socketPath(fd))
      if (adopted === undefined || address === undefined)
        logger.warn(`socket ${names[i] ?? i} of systemd is neither TCP nor a Unix socket with a path: it is not used`)
      else this.#sockets.push({ fd, address, close: () => adopted.close(), name: names[i] })
    }
  }

  /** The socket that is bound to this address, if there is one; nobody gets it twice. */
  take(address: ListenAddress): BoundListener | undefined {
    const at = this.#sockets.findIndex((socket) => isAt(socket.address, address))
    if (at === -1) return undefined
    const [{ fd, address: bound, close }] = this.#sockets.splice(at, 1)
    return { key: address.key, fd, address: bound, close }
  }

  /** Closes what nobody took, and says so: connections to it would wait for ever. */
  closeRest(): void {
    for (const { address, name, close } of this.#sockets.splice(0)) {
      const where = typeof address === 'string' ? address : `${address.address}:${address.port}`
      this.#logger.warn(`socket ${name ?? where} of systemd (${where}) is not among the listen addresses: it is closed`)
      close()
    }
  }
}

function isAt(bound: AddressInfo | string, address: ListenAddress): boolean {
  if (typeof bound === 'string') return address.kind === 'path' && address.path === bound
  if (address.kind === 'path' || address.port !== bound.port) return false
  if (address.kind === 'every') return bound.address === '::' || bound.address === '0.0.0.0'
  return isIP(address.host) === 0
    ? address.host === 'localhost' && (bound.address === '127.0.0.1' || bound.address === '::1')
    : address.host === bound.address
}

/** Node does not tell the path of a descriptor; Linux lists the Unix sockets by inode, the path being the eighth column (proc(5)). */
function socketPath(fd: number): string | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
    for (const line of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
      const [, , , , , , own, ...path] = line.trim().split(' ').filter(Boolean)
      if (inode !== undefined && own === inode && path[0]?.startsWith('/')) return path.join(' ')
    }
  } catch {
    // Not Linux, or no /proc.
  }
  return undefined
}
