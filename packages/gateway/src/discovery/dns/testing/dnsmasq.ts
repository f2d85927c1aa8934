import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../../testing/free-port.ts'

/** Of Debian. */
const PROGRAM = '/usr/sbin/dnsmasq'

export const hasDnsmasq = spawnSync(PROGRAM, ['--version']).status === 0

/** A dnsmasq on a port of its own that knows what its configuration says, and nobody else. */
export class Dnsmasq {
  port = 0
  private readonly folder = mkdtempSync(join(tmpdir(), 'sekisho-dnsmasq-'))
  private child: ChildProcess | undefined

  /** Starts it, or starts it again with other records on the same port. */
  async start(records: readonly string[]): Promise<void> {
    await this.stop()
    if (this.port === 0) this.port = await freePort()
    const file = join(this.folder, 'dnsmasq.conf')
    const own = [
      'no-resolv',
      'no-hosts',
      'bind-interfaces',
      'listen-address=127.0.0.1',
      `port=${this.port}`,
      'pid-file=',
      'local=/test/',
      'auth-ttl=5',
    ]
    writeFileSync(file, [...own, ...records, ''].join('\n'))
    const child = spawn(PROGRAM, ['--keep-in-foreground', '--log-facility=-', '--user=', `--conf-file=${file}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.child = child
    let printed = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        printed += chunk.toString()
        if (printed.includes('started')) resolve()
      })
      child.once('exit', () => reject(new Error(`dnsmasq ended: ${printed}`)))
    })
  }

  async stop(): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async close(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true })
  }
}
