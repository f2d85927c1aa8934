import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { readFunctionFile } from '../packages/cli/src/functions/deploy/read-settings.ts'
import { FunctionFile } from '../packages/cli/src/functions/deploy/settings-schema.ts'
import { FunctionEngine } from '../packages/cli/src/testing/function-engine.ts'
import { guides, ROOT } from './testing/markdown.ts'

const PAGE = join('docs', 'functions.md')
const blocks = guides().find(({ path }) => path === PAGE)?.blocks ?? []
const SEKISHO = join(ROOT, 'packages/cli/bin/sekisho.js')

/** Runs lines of a shell as they stand there; `npx sekisho` is the one of this repository. */
async function run(text: string, engine: FunctionEngine): Promise<{ status: unknown; output: string; errors: string }> {
  const script = `set -e\nnpx() { shift; "$NODE" "${SEKISHO}" "$@"; }\n${text}`
  const env = { ...process.env, NODE: process.execPath, AWS_ENDPOINT_URL_LAMBDA: engine.address }
  const child = spawn('sh', ['-c', script], { cwd: engine.folder, env })
  const [output, errors, status] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    new Promise((resolve) => child.once('close', resolve)),
  ])
  return { status, output: output.toString(), errors: errors.toString() }
}

describe('commands', () => {
  test('work one after the other, and answer what stands behind them', async () => {
    const engine = await FunctionEngine.start()
    try {
      for (const { text, marks } of blocks.filter(({ language }) => language === 'sh')) {
        if (marks.includes('no-run')) continue
        const { status, output, errors } = await run(text, engine)
        expect(status, errors).toBe(0)
        for (const [, answer] of text.matchAll(/ {2}# (\{.*)$/gm)) expect(output).toContain(`${answer}\n`)
      }
    } finally {
      await engine.stop()
    }
  })
})

describe('function.yaml', () => {
  test('the example is valid', async () => {
    const examples = blocks.filter(({ language }) => language === 'yml')
    expect(examples).toHaveLength(1)
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-docs-'))
    try {
      writeFileSync(join(folder, 'function.yaml'), examples[0]!.text)
      expect(await readFunctionFile(folder)).toMatchObject({ name: 'orders', env: { TOKEN: 'none' } })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('every field is in the table', () => {
    const text = readFileSync(join(ROOT, PAGE), 'utf8')
    const rows = [...text.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell]) => cell)
    const named = rows.flatMap((cell) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name))
    const fields = Object.keys((FunctionFile as unknown as { properties: object }).properties)
    expect(fields.filter((field) => !named.includes(field))).toEqual([])
  })
})
