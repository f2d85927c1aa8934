import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { freePort, isFree } from './free-port.ts'

it('passes over ports that are in use', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  expect(await isFree(port, '127.0.0.1')).toBe(false)
  expect(await freePort(port, '127.0.0.1')).toBeGreaterThan(port)
  await new Promise((resolve) => server.close(resolve))
  expect(await freePort(port, '127.0.0.1')).toBe(port)
})

it('says when there is none', async () => {
  await expect(freePort(65_536, '127.0.0.1')).rejects.toThrow('no port from 65536')
})

it('does not take a wrong address for a port in use', async () => {
  await expect(isFree(0, '192.0.2.1')).rejects.toThrow('EADDRNOTAVAIL')
})
