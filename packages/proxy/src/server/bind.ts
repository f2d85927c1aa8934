import * as net from 'node:net'
import type { AddressInfo } from 'node:net'
import type { ListenerInfo } from './application.ts'
import type { ListenAddress } from './listen-address.ts'

/** A socket that is bound and held open, on which this process never accepts. */
export interface BoundListener extends ListenerInfo {
  readonly fd: number
  /** Closes this process's descriptor; removes the file of a Unix socket. */
  close(): void
}

/** An address that could not be bound. The message says which one, why, and what to do. */
export class ListenError extends Error {
  readonly code: string
  readonly address: string

  constructor(address: string, code: string, explanation: string) {
    super(`cannot listen on ${address}: ${explanation} (${code})`)
    this.name = 'ListenError'
    this.code = code
    this.address = address
  }
}

/** A libuv handle, bound and not listening. */
interface ServerHandle {
  readonly fd: number
  getsockname?(out: object): number
  close(): void
}

/**
 * Undocumented, but what node:cluster itself calls, the same in Node 20, 24 and 26: bind without listen(2), so that
 * nothing is ever accepted here. `net.Server` has no such way: its `listen` starts accepting at once. Returns a handle or a
 * negative errno. A Unix socket is told by port and type -1.
 */
type CreateServerHandle = (
  this: void,
  address: string,
  port: number,
  type: 4 | 6 | -1,
  fd: number,
  flags: number,
) => ServerHandle | number

const createServerHandle = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle

const NO_DESCRIPTOR = -1
/** UV_TCP_IPV6ONLY of libuv. */
const IPV6_ONLY = 1

/** What `::` gives where the family is not compiled in, switched off at boot, or switched off by sysctl. */
const NO_IPV6: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL', 'EPROTONOSUPPORT'])

/** Binds one address. Throws ListenError. */
export async function bindAddress(address: ListenAddress): Promise<BoundListener> {
  if (address.kind === 'path') return bindPath(address)
  if (address.kind === 'every') {
    const both = bindTcp('::', address.port, 6, 0)
    // Only a machine without IPv6 gets IPv4 alone. Falling back for a port that is in use, as net.Server does, would leave
    // half of the clients with the other process.
    const noIpv6 = typeof both === 'number' && NO_IPV6.has(await errorName(both))
    return hold(address, noIpv6 ? bindTcp('0.0.0.0', address.port, 4, 0) : both)
  }
  const family = net.isIP(address.host)
  const host = family === 0 ? await lookUp(address) : { address: address.host, family }
  return hold(
    address,
    bindTcp(host.address, address.port, host.family === 6 ? 6 : 4, host.family === 6 ? IPV6_ONLY : 0),
  )
}

/**
 * Holds a socket that was bound elsewhere and came with a number, as those of socket activation. `address` is undefined for a
 * Unix socket, which does not tell its path here. Undefined for what is no TCP or Unix socket.
 */
export function adoptDescriptor(fd: number): { readonly address: AddressInfo | undefined; close(): void } | undefined {
  const handle = createServerHandle('', 0, -1, fd, 0)
  if (typeof handle === 'number') return undefined
  const close = (): void => handle.close()
  if (handle.getsockname === undefined) return { address: undefined, close }
  const name = {} as AddressInfo
  if (handle.getsockname(name) === 0) return { address: name, close }
  close()
  return undefined
}

function bindTcp(host: string, port: number, type: 4 | 6, flags: number): ServerHandle | number {
  const handle = createServerHandle(host, port, type, NO_DESCRIPTOR, flags)
  if (typeof handle === 'number') return handle
  // libuv keeps EADDRINUSE of bind(2) back until the handle is used; asking for its name brings it out.
  const status = handle.getsockname!({})
  if (status === 0) return handle
  handle.close()
  return status
}

async function hold(address: ListenAddress, handle: ServerHandle | number): Promise<BoundListener> {
  if (typeof handle === 'number') throw explain(address, await errorName(handle))
  const close = (): void => handle.close()
  if (address.kind === 'path') return { key: address.key, fd: handle.fd, address: address.path, close }
  const name = {} as AddressInfo
  handle.getsockname!(name)
  return { key: address.key, fd: handle.fd, address: name, close }
}

// What only a failure or a name needs is loaded on demand: the supervisor is to stay small (node:util alone is 1 MB on Node 24).

async function errorName(errno: number): Promise<string> {
  const { getSystemErrorName } = await import('node:util')
  return getSystemErrorName(errno)
}

async function bindPath(address: ListenAddress & { kind: 'path' }): Promise<BoundListener> {
  const handle = createServerHandle(address.path, -1, -1, NO_DESCRIPTOR, 0)
  if (typeof handle !== 'number' || (await errorName(handle)) !== 'EADDRINUSE') return hold(address, handle)
  if (await isStale(address.path)) (await import('node:fs')).unlinkSync(address.path)
  return hold(address, createServerHandle(address.path, -1, -1, NO_DESCRIPTOR, 0))
}

/** A socket file outlives a supervisor that was killed. It is stale when it is a socket and nobody answers on it. */
async function isStale(path: string): Promise<boolean> {
  const { lstatSync } = await import('node:fs')
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return false
  return new Promise((resolve) => {
    const probe = net.connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })
}

async function lookUp(address: ListenAddress & { kind: 'host' }): Promise<{ address: string; family: number }> {
  const { lookup } = await import('node:dns/promises')
  try {
    return await lookup(address.host)
  } catch (error) {
    throw explain(address, (error as NodeJS.ErrnoException).code ?? 'ENOTFOUND')
  }
}

function explain(address: ListenAddress, code: string): ListenError {
  return new ListenError(address.key, code, explanation(address, code))
}

function explanation(address: ListenAddress, code: string): string {
  const path = address.kind === 'path'
  switch (code) {
    case 'EADDRINUSE':
      return path
        ? 'another process serves this socket, or the file is not a socket; stop that process, remove the file, or choose another path'
        : `the port is in use; stop the process that holds it (\`ss -ltnp 'sport = :${address.port}'\` shows it) or choose another port`
    case 'EACCES':
      return path
        ? 'the folder does not exist or may not be written to; create it, or choose another path'
        : 'this user may not bind the port; use one above 1023, or give the node binary CAP_NET_BIND_SERVICE'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address; `ip address` lists those that it has'
    case 'EAI_AGAIN':
    case 'ENOTFOUND':
      return 'the name does not resolve; write an IP address'
    default:
      return 'the system refused it'
  }
}
