import { spawnSync } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEMPLATES, type Template, type TemplateLanguage } from '../../functions/new/templates.ts'
import { FunctionEngine } from '../../testing/function-engine.ts'

const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0

const message = (text: string): object => ({ body: JSON.stringify({ message: text }) })

/** What each of them answers to its own event. Shell functions do not parse JSON, and so can less. */
const ANSWERS: Readonly<Record<Template, object>> = {
  echo: { foo: 'bar' },
  http: { statusCode: 200, ...message('hello, Ada') },
  websocket: { statusCode: 200, body: 'you said: hello' },
  stream: { batchItemFailures: [{ itemIdentifier: '2' }] },
  schedule: { ran: '2026-11-21T18:00:00Z' },
}
const IN_SHELL: Partial<Record<Template, object>> = {
  websocket: { statusCode: 200, body: 'got it' },
  stream: { batchItemFailures: [] },
}

/** Why a language is not tested here; undefined when it is. */
const LACKS: Readonly<Record<TemplateLanguage, string | undefined>> = {
  ts: undefined,
  shell: has('curl', '--version') ? undefined : 'curl is not installed',
  go: has('go', 'version') ? undefined : 'go is not installed',
  rust: process.env['TEST_RUST'] === '1' ? undefined : 'takes a minute: TEST_RUST=1',
}

// One folder for all: what one function needs, the others need, too.
const env = { CARGO_TARGET_DIR: join(tmpdir(), 'sekisho-template-target') }
const FIRST_BUILD_MS = 300_000

let engine: FunctionEngine
beforeAll(async () => {
  engine = await FunctionEngine.start()
})
afterAll(() => engine.stop())

describe.each(['ts', 'shell', 'go', 'rust'] as const)('templates in %s', (language) => {
  const lack = LACKS[language]
  it.skipIf(lack !== undefined).each(TEMPLATES)(
    `%s: new, deploy, invoke${lack === undefined ? '' : ` (${lack})`}`,
    async (template) => {
      const name = `${template}-${language}`
      const made = await engine.fn(['new', name, '--template', template, '--language', language])
      expect(made).toMatchObject({ status: 0, stderr: '' })
      expect(made.stdout).toContain(`sekisho fn deploy ${name}\n`)

      const deployed = await engine.fn(['deploy', name], { env })
      expect(deployed.stderr).not.toMatch(/warning/)
      expect(deployed.stdout).toContain(`${name} is created`)

      const invoked = await engine.fn(['invoke', name, '-f', `${name}/event.json`])
      expect(invoked.stderr).toBe('')
      const expected = (language === 'shell' ? IN_SHELL[template] : undefined) ?? ANSWERS[template]
      expect(JSON.parse(invoked.stdout)).toMatchObject(expected)
      expect(invoked.status).toBe(0)
    },
    FIRST_BUILD_MS,
  )
})

it('gives each Rust program a name of its own: they may share a target folder', async () => {
  await engine.fn(['new', '1st', '--language', 'rust'])
  for (const file of ['Cargo.toml', 'Cargo.lock'])
    expect(await readFile(join(engine.folder, '1st', file), 'utf8')).toContain('name = "fn-1st"\n')
})

it('writes what git should leave alone, and a bootstrap that can be run', async () => {
  await engine.fn(['new', 'deep/er', '--language', 'shell'])
  expect(await readFile(join(engine.folder, 'deep/er/.gitignore'), 'utf8')).toContain('.env')
  expect((await stat(join(engine.folder, 'deep/er/bootstrap'))).mode & 0o777).toBe(0o755)
  expect(await readFile(join(engine.folder, 'deep/er/function.yaml'), 'utf8')).toContain('name: er\n')
})

it('touches nothing that is there', async () => {
  await engine.fn(['new', 'mine'])
  const again = await engine.fn(['new', 'mine', '--template', 'http'])
  expect(again).toMatchObject({ status: 1, stderr: 'sekisho: mine is there and not empty; nothing was written\n' })
  expect((await engine.fn(['new', 'no name'])).stderr).toContain('"no name" is no name of a function')
  expect((await engine.fn(['new', 'a', '--template', 'lambda'])).stderr).toContain('Allowed choices are echo, http')
})
