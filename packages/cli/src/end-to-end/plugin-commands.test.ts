import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sekisho } from '../testing/sekisho.ts'

const GATEWAY = fileURLToPath(new URL('../../../gateway/', import.meta.url))
const run = promisify(execFile)

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

/** As `npm install` would. */
function installGateway(): void {
  mkdirSync(join(cwd, 'node_modules/@sekisho'), { recursive: true })
  symlinkSync(GATEWAY, join(cwd, 'node_modules/@sekisho/gateway'))
}

const read = (file: string): string => readFileSync(join(cwd, file), 'utf8')

describe('sekisho plugin new', () => {
  it('makes a plugin whose test passes, and which a configuration may name', async () => {
    const { status, stdout } = await sekisho(['plugin', 'new', 'greet'], { cwd })
    expect(status).toBe(0)
    expect(stdout).toContain('plugins/greet.ts is a plugin that works, plugins/greet.test.mjs tests it')
    expect(stdout).toContain('npm install --save-dev @sekisho/gateway')

    installGateway()
    const test = await run(process.execPath, ['--test', '--test-reporter=tap', 'plugins/greet.test.mjs'], { cwd })
    expect(test.stdout).toMatch(/^# pass [1-9]/m)
    expect(test.stdout).toMatch(/^# fail 0$/m)

    const configuration = /^ {4}routes:\n(?: {6}.*\n)+/m.exec(stdout)?.[0] ?? ''
    writeFileSync(join(cwd, 'sekisho.yaml'), configuration.replaceAll(/^ {4}/gm, ''))
    const check = await sekisho(['check'], { cwd })
    expect([check.status, check.stderr]).toEqual([0, ''])
    writeFileSync(join(cwd, 'sekisho.yaml'), configuration.replaceAll(/^ {4}/gm, '').replace('text:', 'txt:'))
    expect((await sekisho(['check'], { cwd })).status).toBe(1)
  })

  it('says nothing of what is installed, and where plugins are that are not in ./plugins', async () => {
    installGateway()
    const { stdout } = await sekisho(['plugin', 'new', 'greet', '--dir', 'src/plugins'], { cwd })
    expect(stdout).not.toContain('npm install')
    expect(stdout).toContain('plugin_paths: [src/plugins]')
    expect(existsSync(join(cwd, 'src/plugins/greet.test.mjs'))).toBe(true)
  })

  it('leaves what is there', async () => {
    mkdirSync(join(cwd, 'plugins'))
    writeFileSync(join(cwd, 'plugins/greet.test.mjs'), 'mine')
    const { status, stderr } = await sekisho(['plugin', 'new', 'greet'], { cwd })
    expect([status, stderr]).toEqual([1, 'sekisho: plugins/greet.test.mjs exists; nothing was written\n'])
    expect(read('plugins/greet.test.mjs')).toBe('mine')
    expect(existsSync(join(cwd, 'plugins/greet.ts'))).toBe(false)
  })

  it.each([
    ['Greet', 'is no name of a plugin'],
    ['../greet', 'is no name of a plugin'],
    ['key-auth', 'comes with the gateway'],
  ])('refuses the name %s', async (name, message) => {
    const { status, stderr } = await sekisho(['plugin', 'new', name], { cwd })
    expect([status, stderr]).toEqual([1, expect.stringContaining(message)])
    expect(existsSync(join(cwd, 'plugins'))).toBe(false)
  })
})

describe('sekisho plugin docs', () => {
  it('writes a page for each plugin, and keeps those that somebody wrote', async () => {
    await sekisho(['plugin', 'new', 'one'], { cwd })
    await sekisho(['plugin', 'new', 'two'], { cwd })
    mkdirSync(join(cwd, 'pages'))
    writeFileSync(join(cwd, 'pages/mine.md'), '# Mine\n')
    const docs = (...more: string[]) => sekisho(['plugin', 'docs', 'plugins', '-o', 'pages', ...more], { cwd })

    const missing = await docs('--check')
    expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining('pages/one.md is out of date\n')])
    expect((await docs()).stdout).toBe('pages: 3 pages, 3 written, 0 removed\n')
    expect(read('pages/one.md')).toContain(
      '| `text` | string | no | `"hello"` | at least 1 character | what X-Hello says |',
    )
    expect(read('pages/README.md')).toContain('[two](two.md)')
    expect((await docs('--check')).stdout).toBe('pages: 3 pages, all up to date\n')

    rmSync(join(cwd, 'plugins/two.ts'))
    expect((await docs()).stdout).toBe('pages: 2 pages, 1 written, 1 removed\n')
    expect(read('pages/mine.md')).toBe('# Mine\n')
  })

  it.each([
    ['nothing', undefined, 'plugins does not exist'],
    ['no plugin', 'export default 7\n', 'does not begin with a doc comment'],
    ['another export', '/** Seven. */\nexport default 7\n', 'has no plugin as its default export'],
  ])('says what is wrong: %s', async (_case, text, message) => {
    if (text !== undefined) {
      mkdirSync(join(cwd, 'plugins'))
      writeFileSync(join(cwd, 'plugins/seven.ts'), text)
    }
    const { status, stderr } = await sekisho(['plugin', 'docs'], { cwd })
    expect([status, stderr]).toEqual([1, expect.stringContaining(message)])
  })
})
