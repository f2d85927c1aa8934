import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** From NATS_SERVER, PATH, or where `go install github.com/nats-io/nats-server/v2@latest` puts it. */
export const natsServer = [
  process.env['NATS_SERVER'],
  ...(process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'nats-server')),
  join(homedir(), 'go/bin/nats-server'),
].find((path) => path !== undefined && existsSync(path))

/** A NATS with JetStream of a test, killed at its end. @returns its URL */
export async function startNats(): Promise<{ readonly url: string; readonly kill: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-nats-'))
  const server = spawn(natsServer!, ['--addr', '127.0.0.1', '--port', '-1', '--jetstream', '--store_dir', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
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
  for await (const chunk of server.stderr) {
    text += String(chunk)
    if (text.includes('Server is ready')) break
  }
  const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(text)?.[1]
  if (port === undefined) throw new Error(`nats-server did not start: ${text}`)
  return { url: `nats://127.0.0.1:${port}`, kill }
}
