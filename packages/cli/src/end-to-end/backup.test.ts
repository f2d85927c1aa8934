import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Sekisho, sekisho } from '../testing/sekisho.ts'

const KEY = 'the-key-of-this-test'
const SETTINGS = `listen: ["127.0.0.1:0"]
workers: 1
metrics: false
admin: { address: "127.0.0.1:0", keys: [{ name: ops, key: ${KEY}, role: admin }] }
store: { type: embedded, path: ./data, history: { entries: 5, days: 7 } }
`

function folder(): string {
  const cwd = mkdtempSync(join(tmpdir(), 'sekisho-backup-'))
  onTestFinished(() => rmSync(cwd, { recursive: true }))
  writeFileSync(join(cwd, 'sekisho.yaml'), SETTINGS)
  return cwd
}

async function start(cwd: string): Promise<{ admin: string; stop: () => Promise<void> }> {
  const running = new Sekisho(['start'], { cwd })
  onTestFinished(() => running.stop())
  // Ports that the system chose are told.
  const [, , admin] = await running.printed(
    /^serving .* on (http:\S+:[1-9]\d*), Admin API on (http:\S+:[1-9]\d*), 1 worker/m,
  )
  return { admin: `${admin}/apisix/admin`, stop: () => running.stop() }
}

async function ask(
  admin: string,
  path: string,
  body?: object,
): Promise<{ total: number; list: { revision: number }[] }> {
  const sent = body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) }
  const response = await fetch(`${admin}/${path}`, { headers: { 'x-api-key': KEY }, ...sent })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  return (await response.json()) as { total: number; list: { revision: number }[] }
}

it(
  'copies one moment of the store while a gateway writes, and a gateway starts with the copy',
  { timeout: 60_000 },
  async () => {
    const cwd = folder()
    const first = await start(cwd)
    const put = (id: number) => ask(first.admin, `upstreams/${id}`, { nodes: { 'a:80': 1 } })
    for (let id = 0; id < 20; id++) await put(id)
    const writing = (async () => {
      for (let id = 20; id < 60; id++) await put(id)
    })()
    const target = join(cwd, 'copy.mdb')
    const copied = await sekisho(['backup', target], { cwd })
    expect(copied).toMatchObject({ status: 0, stderr: expect.stringMatching(/copy\.mdb: \d+ bytes, of .*store\.mdb/) })
    expect(statSync(target).mode & 0o777).toBe(0o600)
    await writing
    // As many changes as the setting says.
    expect((await ask(first.admin, 'history?limit=50')).list).toHaveLength(5)
    await first.stop()

    const again = await sekisho(['backup', target, '--path', join(cwd, 'data')], { cwd })
    expect([again.status, again.stderr]).toEqual([
      1,
      expect.stringMatching(/is there already: a backup replaces nothing/),
    ])

    const other = folder()
    mkdirSync(join(other, 'data'), { mode: 0o700 })
    copyFileSync(target, join(other, 'data', 'store.mdb'))
    const second = await start(other)
    const { total } = await ask(second.admin, 'upstreams')
    expect(total).toBeGreaterThanOrEqual(20)
    const { list } = await ask(second.admin, 'history?limit=1')
    // One change for each: the copy is of one moment.
    expect(list[0]!.revision).toBe(total)
    expect(readdirSync(cwd).some((name) => name.startsWith('.sekisho-backup'))).toBe(false)
  },
)

it('says why there is nothing to copy', async () => {
  const cwd = folder()
  const missing = await sekisho(['backup', 'copy.mdb', '--path', './nowhere'], { cwd })
  expect([missing.status, missing.stderr]).toEqual([1, expect.stringMatching(/nowhere/)])
  writeFileSync(join(cwd, 'sekisho.yaml'), 'routes: []\n')
  const file = await sekisho(['backup', 'copy.mdb'], { cwd })
  expect([file.status, file.stderr]).toEqual([
    1,
    expect.stringMatching(/has no embedded store .*keep a copy of the file itself/),
  ])
})

it('a gateway that cannot start says why in a line, and where only when asked', { timeout: 30_000 }, async () => {
  const cwd = folder()
  mkdirSync(join(cwd, 'data'))
  writeFileSync(join(cwd, 'data', 'store.mdb'), 'no database')
  const plain = await sekisho(['start'], { cwd })
  expect(plain.status).toBe(1)
  expect(plain.stderr).toMatch(/cannot start: .*store\.mdb/)
  expect(plain.stderr).not.toMatch(/\n\s+at /)
  const debug = await sekisho(['start'], { cwd, env: { SEKISHO_DEBUG: '1' } })
  expect(debug.stderr).toMatch(/\n\s+at /)
})
