import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const dir = fileURLToPath(new URL('.', import.meta.url))
const stamp = `${dir}node_modules/.bench-lock`

/**
 * Installs the Node.js proxies that ours is compared with, as the lock file here names them, when that changed.
 * They are no dependencies of the project. Without a network the rest is measured without them.
 */
export function installPeers() {
  const lock = createHash('sha256')
    .update(readFileSync(`${dir}package-lock.json`))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('Installing the proxies to compare with into bench/node_modules (npm ci) ...')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync('npm', args, { cwd: dir, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status === 0) writeFileSync(stamp, lock)
  else console.error('npm ci failed: http-proxy-3, undici and fastify are left out.')
}
