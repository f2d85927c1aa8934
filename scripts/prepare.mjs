// What both README commands do first: install what the lock file names (only when it changed) and build.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = `${root}node_modules/.sekisho-lock`
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Sekisho needs Node.js 20.19 or later; this is ${process.versions.node}. Node.js 24 is recommended.`)
  process.exit(1)
}

// npm test sets variables for the script it runs; a nested npm must not take them for its own.
const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
const lock = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex')
const installed = existsSync(stamp) ? readFileSync(stamp, 'utf8') : ''
if (installed !== lock) {
  console.log('Installing dependencies (npm ci) ...')
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  try {
    run('npm', ['ci', ...quiet])
  } catch {
    // A registry that does not have every platform's optional packages: npm 11 then calls the lock file incomplete.
    console.log('npm ci did not work here; trying npm install ...')
    run('npm', ['install', '--no-save', ...quiet])
  }
  writeFileSync(stamp, lock)
}
const started = performance.now()
run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-b'])
console.log(`Built in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
