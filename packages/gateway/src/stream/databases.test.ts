import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { redisServer, startRedis } from '../redis/testing/start-redis.ts'
import { freePort } from '../testing/free-port.ts'
import { startStreams } from './testing/start-streams.ts'

const postgresFolder = postgresBinaries()

test.skipIf(redisServer === undefined)('a Redis client works through the gateway (needs redis-server)', async () => {
  const { port } = await startRedis()
  const { streamPort } = await startStreams({ stream_routes: [{ id: 'redis', upstream: `tcp://127.0.0.1:${port}` }] })
  const client = new Redis({ host: '127.0.0.1', port: streamPort })
  const subscriber = new Redis({ host: '127.0.0.1', port: streamPort })
  const large = 'x'.repeat(5_000_000)
  expect(await client.set('key', large)).toBe('OK')
  expect(await client.get('key')).toBe(large)
  const many = await Promise.all(Array.from({ length: 1_000 }, (_, at) => client.incrby('count', at)))
  expect(many.at(-1)).toBe(499_500)
  await subscriber.subscribe('news')
  const heard = once(subscriber, 'message')
  await client.publish('news', 'hello')
  expect(await heard).toEqual(['news', 'hello'])
  client.disconnect()
  subscriber.disconnect()
})

test.skipIf(postgresFolder === undefined)(
  'a PostgreSQL client works through the gateway (needs postgres)',
  async () => {
    const port = await freePort()
    const data = join(temporaryFolder(), 'data')
    const asRoot = process.getuid?.() === 0
    // It refuses to run as root.
    const command = (program: string, ...args: string[]): [string, string[]] => {
      const line = [join(postgresFolder as string, program), ...args]
      return asRoot ? ['su', ['postgres', '-c', line.map((word) => `'${word}'`).join(' ')]] : [line[0], line.slice(1)]
    }
    execFileSync(...command('initdb', '-D', data, '-A', 'trust', '-U', 'tester', '--no-sync'), { stdio: 'ignore' })
    const options = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-F']
    const server = spawn(...command('postgres', ...options))
    // The shell above it would not pass a signal on.
    onTestFinished(
      () => void execFileSync(...command('pg_ctl', 'stop', '-D', data, '-m', 'immediate'), { stdio: 'ignore' }),
    )
    await printed(server, /ready to accept connections/)
    const { streamPort } = await startStreams({ stream_routes: [{ id: 'sql', upstream: `tcp://127.0.0.1:${port}` }] })
    const settings = { host: '127.0.0.1', port: streamPort, user: 'tester', database: 'postgres' }
    const pool = new pg.Pool({ ...settings, max: 4 })
    await pool.query('create table numbers (n int, t text)')
    await pool.query("insert into numbers select n, repeat('x', 1000) from generate_series(1, 5000) as n")
    const rows = await Promise.all(
      [1, 2, 3, 4].map(
        async (rest) => (await pool.query('select n, t from numbers where n % 4 = $1', [rest % 4])).rows.length,
      ),
    )
    expect(rows).toEqual([1250, 1250, 1250, 1250])
    const listener = new pg.Client(settings)
    await listener.connect()
    await listener.query('listen news')
    const heard = once(listener, 'notification')
    await pool.query("notify news, 'hello'")
    expect((await heard)[0]).toMatchObject({ channel: 'news', payload: 'hello' })
    await listener.end()
    await pool.end()
  },
)

function postgresBinaries(): string | undefined {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return undefined
  const folders = readdirSync(root).map((version) => join(root, version, 'bin'))
  return folders.find((folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')))
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-stream-'))
  if (process.getuid?.() === 0 && postgresFolder !== undefined) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres']).toString()))
    chownSync(folder, uid, gid)
  }
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Resolves when the server says so on one of its outputs. */
function printed(server: ChildProcess, pattern: RegExp): Promise<void> {
  onTestFinished(() => void server.kill('SIGKILL'))
  let text = ''
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      text += chunk.toString()
      if (pattern.test(text)) resolve()
    }
    server.stdout?.on('data', read)
    server.stderr?.on('data', read)
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`the server ended: ${text}`)))
  })
}
