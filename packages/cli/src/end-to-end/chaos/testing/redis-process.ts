import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '../../../testing/free-port.ts'

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

/** A Redis that keeps nothing, and its port. */
export class RedisProcess {
  readonly port: number
  private child: ChildProcess | undefined

  private constructor(port: number) {
    this.port = port
  }

  static async start(): Promise<RedisProcess> {
    const redis = new RedisProcess(await freePort())
    await redis.start()
    return redis
  }

  async start(): Promise<void> {
    const flags = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    const child = spawn('redis-server', flags, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.child = child
    let said = ''
    while (!said.includes('Ready to accept connections')) said += String((await once(child.stdout, 'data'))[0])
    child.stdout.resume()
  }

  async kill(): Promise<void> {
    if (this.child === undefined) return
    const exited = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    this.child = undefined
    await exited
  }

  freeze(): void {
    this.child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.child?.kill('SIGCONT')
  }
}
