import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { sekisho } from '../testing/sekisho.ts'

const GOOD = 'routes:\n  - { id: a, uri: /a, upstream: "http://127.0.0.1:3000" }\n'
const BAD = `listen: [8080]
routes:
  - id: a
    uri: hello
    upstream: "http://127.0.0.1:3000"
  - { id: b, uri: /b, plugins: { limit-count: { count: "many", time_window: 1 } } }
`

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

it('says that a good file is valid, and what is in it', async () => {
  writeFileSync(join(cwd, 'sekisho.yaml'), GOOD)
  const { status, stdout, stderr } = await sekisho(['check'], { cwd })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const [summary, tls] = stdout.split('\n')
  expect(summary).toBe('sekisho.yaml is valid: 1 route')
  expect(tls).toMatch(/^TLS: OpenSSL 3\S*; (no )?post-quantum key exchange .*; FIPS mode off$/)
})

it('names file, line, column, path, value and what would be right', async () => {
  writeFileSync(join(cwd, 'bad.yaml'), BAD)
  const { status, stdout } = await sekisho(['check', '-c', 'bad.yaml'], { cwd })
  expect(status).toBe(1)
  expect(stdout).toContain(
    'bad.yaml:4:10  /routes/0/uri  "hello": must start with "/"; write "/hello"\n    4 |     uri: hello\n',
  )
  expect(stdout).toMatch(/^bad\.yaml:6:\d+ {2}\/routes\/1\/plugins\/limit-count\/count {2}"many": /m)
  expect(stdout).toMatch(/\n2 problems\n$/)
})

it('answers programs in JSON', async () => {
  writeFileSync(join(cwd, 'sekisho.yaml'), GOOD)
  const good = await sekisho(['check', '--json'], { cwd })
  expect(JSON.parse(good.stdout)).toMatchObject({
    valid: true,
    file: 'sekisho.yaml',
    resources: { routes: 1, services: 0 },
  })
  writeFileSync(join(cwd, 'sekisho.yaml'), BAD)
  const bad = await sekisho(['check', '--json'], { cwd })
  expect(bad.status).toBe(1)
  expect(JSON.parse(bad.stdout)).toMatchObject({
    valid: false,
    problems: [{ line: 4, column: 10, path: '/routes/0/uri', value: '"hello"', remedy: 'write "/hello"' }, { line: 6 }],
  })
})

it('checks what plugins of the user ask for, and the plugins themselves', async () => {
  const plugin = (code: string): void => writeFileSync(join(cwd, 'own.ts'), code)
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    'plugin_paths: ["."]\nroutes:\n  - { uri: /a, plugins: { own: { size: big } } }\n',
  )
  plugin(`import { definePlugin, Type } from '@sekisho/gateway'
export default definePlugin({ name: 'own', priority: 1, schema: Type.Object({ size: Type.Integer() }), create: () => ({}) })`)
  const wrong = await sekisho(['check'], { cwd })
  expect(wrong.stdout).toMatch(/^sekisho\.yaml:3:\d+ {2}\/routes\/0\/plugins\/own\/size {2}"big": /m)
  plugin('export default {')
  const broken = await sekisho(['check'], { cwd })
  expect(broken.status).toBe(1)
  expect(broken.stdout).toMatch(/own\.ts:1:\d+ /)
})

it('prints the JSON Schema of a configuration, built-in plugins included', async () => {
  const { status, stdout } = await sekisho(['check', '--schema'], { cwd })
  expect(status).toBe(0)
  const schema = JSON.parse(stdout) as { $defs: { plugins: { properties: object } }; properties: object }
  expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['listen', 'routes', 'upstreams']))
  expect(schema.$defs.plugins.properties).toHaveProperty(['limit-count', 'properties', 'time_window'])
})

it.each(['check', 'start', 'explain GET /'])('sekisho %s without a file says what to write', async (command) => {
  const { status, stdout, stderr } = await sekisho(command.split(' '), { cwd })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/^sekisho: there is no sekisho\.yaml, .*\n\n {4}listen: \[8080\]\n {4}routes:\n/)
})

it.each([
  [['chekc'], "sekisho: unknown command 'chekc'\n(Did you mean check?)\n"],
  [['check', '--jsno'], "sekisho: unknown option '--jsno'\n(Did you mean --json?)\n"],
  [['explain', 'GET'], "sekisho: missing required argument 'url'\n"],
  [['explain', 'GET', '/', '-H', 'nonsense'], `sekisho: -H "nonsense" is not a header; write -H 'Name: value'\n`],
  [['explain', 'GET', '/', '--remote-addr', 'me'], 'sekisho: --remote-addr "me" is not an IP address\n'],
  [['explain', 'GET', '/', '--consumer', 'x'], 'sekisho: there is no consumer "x" in sekisho.yaml\n'],
])('%j: one clear line', async (args, message) => {
  writeFileSync(join(cwd, 'sekisho.yaml'), GOOD)
  expect(await sekisho(args, { cwd })).toEqual({ status: 1, stdout: '', stderr: message })
})

it('shows stacks to those who ask for them', async () => {
  const { stderr } = await sekisho(['check'], { cwd, env: { SEKISHO_DEBUG: '1' } })
  expect(stderr).toMatch(/\n {4}at configurationFile /)
})

it('tells its version', async () => {
  const { status, stdout } = await sekisho(['--version'])
  expect(status).toBe(0)
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})
