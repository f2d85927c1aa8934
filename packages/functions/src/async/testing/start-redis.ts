import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export const redisServer = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find((path) => existsSync(path))

/** A Redis of a test, killed at its end. @returns its URL */
export async function startRedis(): Promise<{ readonly url: string; readonly kill: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-redis-'))
  const { port, release } = await freePort()
  release()
  const server = spawn(
    redisServer!,
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder, '--loglevel', 'notice'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const ended = once(server, 'exit')
  const kill = async () => {
    server.kill('SIGKILL')
    await ended
  }
  onTestFinished(async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  })
  let text = ''
  for await (const chunk of server.stdout) {
    text += String(chunk)
    if (text.includes('Ready to accept connections')) break
  }
  return { url: `redis://127.0.0.1:${port}`, kill }
}

async function freePort(): Promise<{ readonly port: number; readonly release: () => void }> {
  const { createServer } = await import('node:net')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return { port, release: () => server.close() }
}
