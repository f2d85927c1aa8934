import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FakeAdmin, type FakeAnswer, type FakeRequest } from '../testing/fake-admin.ts'
import { type Result, sekisho } from '../testing/sekisho.ts'

// What the commands ask, and what they make of the answers. Against a gateway: operators-day.test.ts.

let cwd: string
let admin: FakeAdmin
let answer: (request: FakeRequest) => FakeAnswer
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-'))
  admin = await FakeAdmin.start((request) => answer(request))
})
afterEach(async () => {
  await admin.close()
  rmSync(cwd, { recursive: true })
})

const run = (...args: readonly string[]): Promise<Result> =>
  sekisho(args, { cwd, env: { SEKISHO_ADMIN: admin.address, SEKISHO_ADMIN_KEY: 'k1' } })

const write = (name: string, text: string): void => writeFileSync(join(cwd, name), text)

const CREATED = [{ kind: 'routes', id: 'a', before: null, after: { id: 'a', uri: '/a' } }]

it('apply: tries, shows, and changes what was shown', async () => {
  write('s.yaml', 'listen: [8080]\nroutes:\n  - { id: a, uri: /a, upstream: "http://127.0.0.1:1" }\nupstreams:\n')
  answer = ({ url }) => ({ body: { revision: url.includes('dry_run') ? 6 : 7, changes: CREATED } })
  expect(await run('apply', '-f', 's.yaml', '--yes', '--comment', 'why not')).toEqual({
    status: 0,
    stdout: '+ routes/a\n    uri: /a\n1 new\nrevision 7: 1 new\n',
    stderr: 's.yaml: settings are those of the node that reads them at its start, and are not sent: "listen"\n',
  })
  const body = { routes: [{ id: 'a', uri: '/a', upstream: 'http://127.0.0.1:1' }], upstreams: [] }
  expect(admin.requests).toEqual([
    { method: 'POST', url: '/apisix/admin/transaction?replace=true&dry_run=true', key: 'k1', body },
    { method: 'POST', url: '/apisix/admin/transaction?replace=true&comment=why+not&if_revision=6', key: 'k1', body },
  ])
})

it('apply: puts in what is named by file, and makes the ids that a file would have', async () => {
  write('a.pem', 'PEM\n')
  write(
    's.json',
    '{"ssls":[{"cert":{"file":"a.pem"},"key":"$env://KEY","certs":[{"file":"a.pem"}]}],"routes":[{"uri":"/a"}]}',
  )
  answer = () => ({ body: { revision: 1, changes: [] } })
  expect(await run('apply', '-f', 's.json', '--keep')).toMatchObject({
    status: 0,
    stdout: 'nothing to change at revision 1\n',
  })
  expect(admin.requests).toMatchObject([
    {
      url: '/apisix/admin/transaction?dry_run=true',
      body: {
        ssls: [{ id: expect.stringMatching(/^auto-/), cert: 'PEM\n', key: '$env://KEY', certs: ['PEM\n'] }],
        routes: [{ id: expect.stringMatching(/^auto-/), uri: '/a' }],
      },
    },
  ])
})

it('apply: does nothing where nobody can be asked', async () => {
  write('s.yaml', 'routes: []\n')
  answer = () => ({ body: { revision: 6, changes: CREATED } })
  const { status, stderr } = await run('apply', '-f', 's.yaml')
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'sekisho: nothing was changed: there is no terminal to ask; add --yes to go on without a question\n',
  })
  expect(admin.requests).toHaveLength(1)
})

it('apply --dry-run: shows and leaves it', async () => {
  write('s.yaml', 'routes: []\n')
  answer = () => ({ body: { revision: 6, changes: CREATED } })
  expect(await run('apply', '-f', 's.yaml', '--dry-run')).toMatchObject({ status: 0, stderr: '' })
  expect(admin.requests).toHaveLength(1)
})

it('apply: tells problems with their places in the file', async () => {
  write('s.yaml', 'routes:\n  - id: a\n    uri: hello\n')
  const problems = [
    {
      path: '/routes/a/uri',
      value: '"hello"',
      message: 'must start with "/"',
      remedy: 'write "/hello"',
    },
    { path: '/routes/b/upstream_id', message: 'there is no upstream with this id' },
  ]
  answer = () => ({ status: 400, body: { error_msg: 'refused', problems } })
  expect(await run('apply', '-f', 's.yaml', '--yes')).toEqual({
    status: 1,
    stdout: '',
    stderr: `s.yaml:3:10  /routes/0/uri  "hello": must start with "/"; write "/hello"
    3 |     uri: hello
      |          ^
in the store  /routes/b/upstream_id  there is no upstream with this id
nothing was changed: 2 problems
`,
  })
})

it('apply: tells when somebody else was faster', async () => {
  write('s.yaml', 'routes: []\n')
  answer = ({ url }) =>
    url.includes('dry_run')
      ? { body: { revision: 6, changes: CREATED } }
      : { status: 412, body: { error_msg: 'the configuration is at revision 7' } }
  const { status, stderr } = await run('apply', '-f', 's.yaml', '--yes')
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: `sekisho: ${admin.address} refuses: the configuration is at revision 7\n`,
  })
})

it.each([
  ['s.yaml', '', /^s\.yaml.* is no configuration: it must have lists/],
  ['s.yaml', 'listen: [8080]\n', /has no resources, and to apply it would delete all there are; .*"routes: \[\]"/],
  ['s.yaml', 'rutes: []\n', /s\.yaml:1:1 {2}\/rutes {2}unknown key "rutes"; did you mean "routes"\?/],
  ['s.yaml', 'routes: [1]\n', /must be a list of objects/],
  ['s.yaml', 'routes: {\n', /^s\.yaml:\d+:\d+ /],
  [
    's.yaml',
    'ssls:\n  - cert: { file: none.pem }\n',
    /s\.yaml:2:19 {2}\/ssls\/0\/cert\/file {2}"none\.pem": cannot be read/,
  ],
  ['missing.yaml', undefined, /^missing\.yaml {2}does not exist/],
])('apply: sends nothing of what cannot be meant (%s: %j)', async (file, text, message) => {
  if (text !== undefined) write(file, text)
  const { status, stdout, stderr } = await run('apply', '-f', file, '--yes')
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(message)
  expect(admin.requests).toEqual([])
})

it('diff: says by its status whether there is something', async () => {
  write('s.yaml', 'routes: []\n')
  answer = () => ({ body: { revision: 6, changes: CREATED } })
  expect(await run('diff', '-f', 's.yaml')).toEqual({
    status: 2,
    stdout: '+ routes/a\n    uri: /a\n1 new\n',
    stderr: '',
  })
  expect(JSON.parse((await run('diff', '-f', 's.yaml', '--json')).stdout)).toEqual({ revision: 6, changes: CREATED })
  answer = () => ({ body: { revision: 6, changes: [] } })
  expect(await run('diff', '-f', 's.yaml')).toEqual({ status: 0, stdout: 'no differences\n', stderr: '' })
})

it('export: a file that can be applied', async () => {
  const lists = {
    upstreams: [{ id: 'u', create_time: 1, nodes: { '127.0.0.1:80': 1 }, name: 'up' }],
    routes: [{ plugins: { cors: {} }, upstream_id: 'u', uri: '/a', id: '1', update_time: 5 }],
    consumers: [{ username: 'jack', plugins: {} }],
  }
  answer = () => ({ body: lists })
  const { status, stdout } = await run('export')
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: `# Exported from ${admin.address} by "sekisho export".

upstreams:
  - id: u
    name: up
    nodes: { "127.0.0.1:80": 1 }

consumers:
  - username: jack
    plugins: {}

routes:
  - id: "1"
    uri: /a
    upstream_id: u
    plugins: { cors: {} }
`,
  })
  expect((await run('export', '-o', 'out.yaml', '--revision', '3')).status).toBe(0)
  expect(admin.requests.at(-1)?.url).toBe('/apisix/admin/configs?revision=3&secrets=true')
  expect(readFileSync(join(cwd, 'out.yaml'), 'utf8')).toContain('at revision 3 by')
  expect((await run('export', '-o', 'out.yaml')).stderr).toContain('out.yaml exists, and is left as it is')
  answer = () => ({ body: {} })
  expect((await run('export')).stdout).toContain('routes: []\n')
  expect(existsSync(join(cwd, 'sekisho.yaml'))).toBe(false)
})

const ENTRIES = [
  {
    revision: 42,
    time: Date.UTC(2026, 10, 21, 15, 4, 5, 678),
    author: { who: 'ops', from: '127.0.0.1', comment: 'release\u001b[2J' },
    changes: [
      { kind: 'routes', id: 'a', before: { uri: '/a' }, after: { uri: '/b' } },
      { kind: 'routes', id: 'b', before: null, after: { uri: '/b' } },
      { kind: 'routes', id: 'c', before: { uri: '/c' }, after: null },
      { kind: 'routes', id: 'd', before: { uri: '/c' }, after: null },
    ],
  },
  { revision: 40, time: Date.UTC(2026, 10, 21, 15), author: null, changes: [] },
]

it('history: a line for each change, and all of one', async () => {
  answer = ({ url }) => ({ body: { revision: 42, list: url.includes('limit=1&') ? ENTRIES.slice(0, 1) : ENTRIES } })
  expect((await run('history', '--limit', '2')).stdout).toBe(
    `REVISION  TIME                  BY               CHANGES
42        2026-11-21 15:04:05Z  ops (127.0.0.1)  1 new, 1 changed, 2 removed  ~routes/a +routes/b -routes/c …  "release [2J"
40        2026-11-21 15:00:00Z  -
older ones: --before 40
`,
  )
  const { stdout } = await run('history', '42')
  expect(stdout).toMatch(
    /^revision 42, 2026-11-21 15:04:05Z, by ops \(127\.0\.0\.1\) .*\n~ routes\/a\n {4}uri: \/a → \/b\n/,
  )
  expect(admin.requests.map(({ url }) => url)).toEqual([
    '/apisix/admin/history?limit=2',
    '/apisix/admin/history?limit=1&before=43',
  ])
  expect(await run('history', '41')).toMatchObject({
    status: 1,
    stderr: 'sekisho: there is no revision 41 in the history; "sekisho history" lists those there are\n',
  })
  answer = () => ({ body: { list: [] } })
  expect((await run('history')).stdout).toBe('nothing has been changed yet\n')
})

it('rollback: shows what it changes, and changes it', async () => {
  answer = ({ url }) => ({ body: { revision: url.includes('dry_run') ? 42 : 43, changes: CREATED } })
  expect(await run('rollback', '41', '--only', 'routes/a', '--yes')).toMatchObject({
    status: 0,
    stdout: '+ routes/a\n    uri: /a\n1 new\nrevision 43: 1 new\n',
  })
  expect(admin.requests).toMatchObject([
    { url: '/apisix/admin/rollback?dry_run=true', body: { revision: 41, only: 'routes/a' } },
    { url: '/apisix/admin/rollback?if_revision=42', body: { revision: 41, only: 'routes/a' } },
  ])
  expect((await run('rollback', '41', '--only', 'routes')).stderr).toContain('write KIND/ID, as routes/1')
  expect((await run('rollback', 'x')).stderr).toContain('must be a whole number')
})

it.each([
  [401, { error_msg: 'failed to check token', description: 'wrong apikey' }, /does not know this key; it is one of/],
  [401, { error_msg: 'failed to check token', description: 'invalid method for role viewer' }, /the key may only read/],
  [405, { error_msg: 'the configuration is a file' }, /refuses: the configuration is a file/],
  [404, '<html>', /answers with 404, and not as an Admin API does; is --admin the address/],
  [200, '<html>', /answers with 200, and not as an Admin API does/],
])('an answer of %i %j in words', async (status, body, message) => {
  answer = () => ({ status, body })
  const result = await run('history')
  expect(result.status).toBe(1)
  expect(result.stderr).toMatch(/^sekisho: [^\n]*\n$/)
  expect(result.stderr).toMatch(message)
})

it('asks for a key when there is none, and says so when nothing listens', async () => {
  answer = () => ({ status: 401, body: { error_msg: 'failed to check token', description: 'missing apikey' } })
  const env = { SEKISHO_ADMIN_KEY: '' }
  const without = await sekisho(['history', '--admin', admin.address], { cwd, env })
  expect(without.stderr).toContain('asks for a key: give it by --key, or better in the variable SEKISHO_ADMIN_KEY')
  const { address } = admin
  await admin.close()
  const closed = await sekisho(['history', '--admin', address], { cwd, env })
  expect(closed).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing listens at http://127.0.0.1:') })
  admin = await FakeAdmin.start((request) => answer(request))
  const wrong = await sekisho(['history', '--admin', 'ftp://x'], { cwd, env })
  expect(wrong.stderr).toBe('sekisho: --admin "ftp://x" is not an address; write http://HOST:PORT\n')
})
