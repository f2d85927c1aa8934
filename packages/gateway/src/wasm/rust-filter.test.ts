import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { problemsOf } from '../plugins/testing/mounted.ts'
import wasm from '../plugins/wasm.ts'
import { startGateway } from '../testing/start-gateway.ts'

const TARGET = 'wasm32-unknown-unknown'
const FOLDER = fileURLToPath(new URL('../../../../examples/wasm/rust/', import.meta.url))

/** The standard library for the target; a toolchain brings it only when it is asked to. */
function hasTarget(): boolean {
  try {
    execFileSync('cargo', ['--version'], { stdio: 'ignore' })
    const libraries = execFileSync('rustc', ['--print', 'target-libdir', '--target', TARGET], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return existsSync(libraries.toString().trim())
  } catch {
    return false
  }
}

const missing = !hasTarget()

describe('the filter in Rust', () => {
  it.skipIf(missing)(
    `is built from its source${missing ? ` (skipped: cargo with the target ${TARGET} is missing)` : ''}`,
    { timeout: 300_000 },
    async () => {
      const target = mkdtempSync(join(tmpdir(), 'sekisho-rust-'))
      const build = ['build', '--release', '--target', TARGET, '--target-dir', target]
      execFileSync('cargo', build, { cwd: FOLDER, stdio: 'ignore' })
      const path = join(target, TARGET, 'release', 'house_rules.wasm')
      expect(problemsOf(wasm, { path, conf: 'via=x' })).toEqual([])
      const plugins = { wasm: { path, conf: 'deny=BadBot via=x' } }
      const gateway = await startGateway({ routes: [{ uri: '/*', upstream_id: 'echo', plugins }] })
      const answers = [await gateway.fetch('/'), await gateway.fetch('/', { headers: { 'user-agent': 'BadBot' } })]
      await gateway.close()
      rmSync(target, { recursive: true })
      expect(answers.map(({ status, headers }) => [status, headers['via']])).toEqual([
        [200, 'x'],
        [403, 'x'],
      ])
    },
  )
})
