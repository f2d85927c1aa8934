import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where Debian and etcd's own archive put it; undefined: tests that need it are skipped. */
export const etcdProgram = ['/usr/bin/etcd', '/usr/local/bin/etcd'].find(existsSync)

export interface EtcdServerOptions {
  readonly flags?: readonly string[]
  readonly scheme?: 'http' | 'https'
}

interface Member {
  readonly name: string
  readonly clientPort: number
  readonly peerPort: number
}

/** A member of a cluster, or a cluster of its own, in a folder that goes with it. Ports stay the same when it is started again. */
export class EtcdServer {
  readonly url: string
  readonly port: number
  readonly #member: Member
  readonly #cluster: string
  readonly #options: EtcdServerOptions
  readonly #folder = mkdtempSync(join(tmpdir(), 'sekisho-etcd-'))
  #token = 'first'
  #process: ChildProcess | undefined

  private constructor(member: Member, cluster: string, options: EtcdServerOptions) {
    this.#member = member
    this.#cluster = cluster
    this.#options = options
    this.port = member.clientPort
    this.url = `${options.scheme ?? 'http'}://127.0.0.1:${member.clientPort}`
  }

  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    const [server] = await EtcdServer.startCluster(1, options)
    return server as EtcdServer
  }

  static async startCluster(size: number, options: EtcdServerOptions = {}): Promise<EtcdServer[]> {
    const ports = await freePorts(size * 2)
    const members = Array.from({ length: size }, (_, at): Member => {
      return { name: `m${at}`, clientPort: ports[at * 2] as number, peerPort: ports[at * 2 + 1] as number }
    })
    const cluster = members.map(({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`).join(',')
    const servers = members.map((member) => new EtcdServer(member, cluster, options))
    await Promise.all(servers.map((server) => server.start()))
    return servers
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const peer = `http://127.0.0.1:${this.#member.peerPort}`
    const child = spawn(
      etcdProgram as string,
      [
        ['--name', this.#member.name],
        ['--data-dir', this.#data],
        ['--listen-client-urls', this.url],
        ['--advertise-client-urls', this.url],
        ['--listen-peer-urls', peer],
        ['--initial-advertise-peer-urls', peer],
        ['--initial-cluster', this.#cluster],
        ['--initial-cluster-token', this.#token],
        // Elections in 0.1 to 0.2 s; the shortest lease is 1 s then.
        ['--heartbeat-interval', '20'],
        ['--election-timeout', '200'],
        ['--logger', 'zap'],
        [...(this.#options.flags ?? [])],
      ].flat(),
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#process = child
    let log = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => {
        if (log.length > 1_000_000) return
        log += chunk.toString()
        if (/serving (insecure )?client (requests|traffic)/.test(log)) resolve()
      })
      child.once('exit', (code) => reject(new Error(`etcd ended with ${code}: ${log.slice(-2_000)}`)))
    })
  }

  /** Stands still: connections stay open, nothing is answered. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Kills without a chance to tidy up. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill(signal)
    await exited
  }

  /** A copy of all data; the server must not run. */
  backup(): void {
    rmSync(this.#backup, { recursive: true, force: true })
    cpSync(this.#data, this.#backup, { recursive: true })
  }

  /** Puts the copy back; the server must not run. */
  restore(): void {
    rmSync(this.#data, { recursive: true, force: true })
    cpSync(this.#backup, this.#data, { recursive: true })
  }

  /** What `etcdctl snapshot save` wrote, in the place of the data; the server must not run. */
  restoreSnapshot(file: string): void {
    rmSync(this.#data, { recursive: true, force: true })
    const { name, peerPort } = this.#member
    const peer = `http://127.0.0.1:${peerPort}`
    const place = [`--name=${name}`, `--data-dir=${this.#data}`, `--initial-cluster-token=${this.#token}`]
    const peers = [`--initial-cluster=${this.#cluster}`, `--initial-advertise-peer-urls=${peer}`]
    execFileSync('etcdctl', ['snapshot', 'restore', file, ...place, ...peers], {
      env: { ...process.env, ETCDCTL_API: '3' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  }

  /** A new, empty cluster at the same address; the server must not run. */
  replace(): void {
    rmSync(this.#data, { recursive: true, force: true })
    this.#token += '+'
  }

  async dispose(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  get #backup(): string {
    return join(this.#folder, 'backup')
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
