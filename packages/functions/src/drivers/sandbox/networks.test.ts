import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findExecutable } from '../find-executable.ts'
import { recordSandbox, sandboxSpec, type SandboxRecord } from '../testing/record-sandbox.ts'
import { missingForSandbox, sandboxTitle } from '../testing/sandbox-support.ts'
import { egressNetwork } from './egress-network.ts'
import { SandboxDriver } from './sandbox-driver.ts'

const slirp = findExecutable('slirp4netns')
const egressTitle = (title: string): string =>
  slirp === undefined ? `${title} (skipped: slirp4netns is not installed)` : title

describe.skipIf(missingForSandbox !== '')(sandboxTitle('networks of the sandbox'), () => {
  let folder: string
  let driver: SandboxDriver

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sekisho-networks-'))
    driver = new SandboxDriver({ dataDirectory: folder })
    await driver.open()
  })

  afterAll(async () => {
    await driver.close()
    await rm(folder, { recursive: true })
  })

  const node = (network: 'none' | 'egress' | 'host', script: string): SandboxRecord =>
    recordSandbox(
      driver,
      sandboxSpec({
        network,
        interpreter: process.execPath,
        command: ['node', '-e', script],
        environment: { PATH: '/var/lang/bin:/usr/local/bin:/usr/bin:/bin' },
      }),
    )

  /** Prints what became of connections to each address. */
  const tryAll = (targets: readonly { host: string; port: number }[]): string => `
    for (const target of ${JSON.stringify(targets)}) {
      const socket = require('node:net').connect(target)
      socket.on('connect', () => { console.log(target.host, 'CONNECTED'); socket.destroy() })
      socket.on('error', (error) => console.log(target.host, error.code))
    }`

  const outcomes = (record: SandboxRecord): ReadonlyMap<string, string> =>
    new Map(
      record
        .text('stdout')
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    )

  test.skipIf(slirp === undefined)(
    egressTitle('egress has a way out, but not to this host, its networks or metadata'),
    async () => {
      let connections = 0
      const server = createServer(() => connections++)
      await new Promise<void>((resolve) => server.listen(0, resolve))
      const { port } = server.address() as AddressInfo
      const own = egressNetwork(false)!
        .unreachable.filter((network) => network.endsWith('/32'))
        .map((network) => network.slice(0, -3))
      const blocked = ['169.254.169.254', '10.1.2.3', '172.17.0.1', '192.168.1.1', '100.100.100.200', ...own]
      const record = node('egress', tryAll([...blocked, '127.0.0.1', '10.0.2.2'].map((host) => ({ host, port }))))
      expect(await record.exit).toMatchObject({ status: 0 })
      const found = outcomes(record)
      // Refused by a route inside, so nothing has left it.
      for (const address of blocked) expect([address, found.get(address)]).toEqual([address, 'EHOSTUNREACH'])
      expect(found.get('127.0.0.1')).toBe('ECONNREFUSED')
      // The way out answers, and does not stand for the host's loopback.
      expect(found.get('10.0.2.2')).toMatch(/^(ENETUNREACH|ECONNREFUSED)$/)
      expect(connections).toBe(0)
      server.close()
    },
  )

  test.skipIf(slirp === undefined)(
    egressTitle('egress: the Runtime API is reached as without, and the way out goes with the sandbox'),
    async () => {
      const record = node(
        'egress',
        `console.log(require('node:fs').readFileSync('/etc/resolv.conf', 'utf8').trim(), Object.keys(require('node:os').networkInterfaces()).join())
      const [h, p] = process.env.API.split(':'); require('node:net').connect(Number(p), h)`,
      )
      await record.connection
      expect(await record.firstLine).toBe('nameserver 10.0.2.3 lo,tap0')
      record.sandbox.kill()
      await record.exit
      const { execFileSync } = await import('node:child_process')
      const slirps = (): string => execFileSync('ps', ['-eo', 'ppid=,comm='], { encoding: 'utf8' })
      await expect.poll(slirps).not.toMatch(new RegExp(`^\\s*${process.pid} slirp4netns$`, 'm'))
    },
  )

  test('host reaches what this host reaches, and the Runtime API on a port of its own', async () => {
    let connections = 0
    const server = createServer(() => connections++)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const record = node(
      'host',
      `${tryAll([{ host: '127.0.0.1', port }])}; const [h, p] = process.env.API.split(':'); require('node:net').connect(Number(p), h)`,
    )
    await record.connection
    await record.firstLine
    expect(record.text('stdout')).toContain('CONNECTED')
    record.sandbox.kill()
    await record.exit
    server.close()
  })
})
