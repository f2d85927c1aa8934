import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bindAddress } from './bind.ts'
import type { BoundListener } from './bind.ts'
import { parseListenAddress } from './listen-address.ts'
import type { ListenInput } from './listen-address.ts'

let folder: string
let bound: BoundListener[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bind-'))
  bound = []
})
afterEach(() => {
  for (const listener of bound) listener.close()
  rmSync(folder, { recursive: true })
})

async function bind(input: ListenInput): Promise<BoundListener> {
  const listener = await bindAddress(parseListenAddress(input))
  bound.push(listener)
  return listener
}

describe('TCP', () => {
  it('learns the port that the kernel chose, and does not listen', async () => {
    const { address, fd, key } = await bind('127.0.0.1:0')
    const { port, family } = address as AddressInfo
    expect({ key, family }).toEqual({ key: '127.0.0.1:0', family: 'IPv4' })
    expect(port).toBeGreaterThan(0)
    expect(fd).toBeGreaterThan(2)
    expect(await connectError(port)).toBe('ECONNREFUSED')
  })

  it('resolves a name', async () => {
    const { address } = await bind('localhost:0')
    expect(['127.0.0.1', '::1']).toContain((address as AddressInfo).address)
  })

  it('says what to do about a port in use', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await expect(bind(`127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      address: `127.0.0.1:${port}`,
      message: expect.stringContaining(`ss -ltnp 'sport = :${port}'`),
    })
    await expect(bind(port)).rejects.toMatchObject({ code: 'EADDRINUSE', address: `*:${port}` })
    await new Promise((resolve) => server.close(resolve))
  })

  it('does not share every address with a process that has the IPv6 half; without IPv6 it takes IPv4 alone', async () => {
    const server = createServer()
    const error = await new Promise<Error | undefined>((resolve) => {
      server.once('error', resolve)
      server.listen({ host: '::', port: 0, ipv6Only: true }, () => resolve(undefined))
    })
    if (error !== undefined) {
      expect((await bind(0)).address).toMatchObject({ address: '0.0.0.0' })
      return
    }
    expect((await bind(0)).address).toMatchObject({ address: '::' })
    await expect(bind((server.address() as AddressInfo).port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await new Promise((resolve) => server.close(resolve))
  })

  it('says that the machine has no such address', async () => {
    // TEST-NET-1 (RFC 5737) is nobody's.
    await expect(bind('192.0.2.1:0')).rejects.toThrow('this machine has no such address')
  })
})

describe('Unix sockets', () => {
  it('makes the file and removes it', async () => {
    const path = join(folder, 'a.sock')
    const listener = await bindAddress(parseListenAddress({ path }))
    expect(listener.address).toBe(path)
    expect(existsSync(path)).toBe(true)
    listener.close()
    expect(existsSync(path)).toBe(false)
  })

  it('takes the place of a socket that nobody serves', async () => {
    const path = join(folder, 'stale.sock')
    // Bound and never listening: to a client the same as one whose process was killed.
    await bind({ path })
    expect((await bind({ path })).address).toBe(path)
  })

  it('leaves alone a socket that somebody serves, and a file that is no socket', async () => {
    const served = join(folder, 'served.sock')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(served, resolve))
    await expect(bind({ path: served })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await new Promise((resolve) => server.close(resolve))
    const file = join(folder, 'file')
    writeFileSync(file, 'precious')
    await expect(bind({ path: file })).rejects.toThrow('choose another path')
    expect(existsSync(file)).toBe(true)
  })

  it('says that the folder is missing', async () => {
    await expect(bind({ path: join(folder, 'no/such.sock') })).rejects.toThrow('the folder does not exist')
  })
})

function connectError(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    connect(port, '127.0.0.1')
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      .on('connect', () => resolve(undefined))
  })
}
