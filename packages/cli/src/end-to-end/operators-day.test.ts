import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ask } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { freePort } from '../testing/free-port.ts'
import { type Result, Sekisho, sekisho } from '../testing/sekisho.ts'

// A day of an operator's life: one gateway with an embedded store, curl, and the commands. Each test goes on where the one before ended.

const execute = promisify(execFile)

const hasCurl = ((): boolean => {
  try {
    execFileSync('curl', ['--version'])
    return true
  } catch {
    return false
  }
})()
const test = hasCurl ? it : it.skip
const needs = hasCurl ? '' : ' (needs curl, which is missing)'

let cwd: string
let upstream: Server
let gateway: Sekisho
let url = ''
let admin = ''
let key = ''

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-day-'))
  upstream = createServer((request, response) => response.end(`upstream got ${request.url}`))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
workers: 2
metrics: { address: "127.0.0.1:0" }
admin: { address: "127.0.0.1:${await freePort()}" }
store: { type: embedded, path: ./data }
`,
  )
  await startGateway()
  ;[, key = ''] = await gateway.printed(/one was made: (\S+)/)
})
afterAll(async () => {
  await gateway.stop()
  await new Promise((resolve) => upstream.close(resolve))
  rmSync(cwd, { recursive: true })
})

async function startGateway(): Promise<void> {
  gateway = new Sekisho(['start'], { cwd })
  const [, served = '', listening = ''] = await gateway.printed(
    /^serving \S+ on (http:\/\/127\.0\.0\.1:\d+), metrics on \S+, Admin API on (http:\/\/127\.0\.0\.1:\d+)/m,
  )
  url = served
  admin = listening
}

/** `curl -X METHOD …/apisix/admin/PATH -d BODY`: status, a space, and what came. */
async function curl(method: string, path: string, body?: object): Promise<{ status: number; answer: unknown }> {
  const data = body === undefined ? [] : ['-d', JSON.stringify(body)]
  const args = [
    '-s',
    '-X',
    method,
    `${admin}/apisix/admin/${path}`,
    '-H',
    `X-API-KEY: ${key}`,
    '-w',
    '%{http_code}',
    ...data,
  ]
  const { stdout } = await execute('curl', args)
  return { status: Number(stdout.slice(-3)), answer: JSON.parse(stdout.slice(0, -3)) as unknown }
}

const run = (...args: readonly string[]): Promise<Result> =>
  sekisho(args, { cwd, env: { SEKISHO_ADMIN: admin, SEKISHO_ADMIN_KEY: key } })

/** A change is in force some milliseconds after it was acknowledged. */
const served = (path: string, status: number, body: string): Promise<unknown> =>
  eventually(
    () => ask(`${url}${path}`),
    (seen) => seen.status === status && seen.body.includes(body),
  )

const upstreamNodes = (): object => ({ [`127.0.0.1:${(upstream.address() as AddressInfo).port}`]: 1 })

/** The newest revision. */
async function revision(): Promise<number> {
  const { stdout } = await run('history', '--limit', '1', '--json')
  return (JSON.parse(stdout) as { revision: number }[])[0]!.revision
}

test(`morning: creates an upstream and a route by curl${needs}`, async () => {
  expect(await curl('PUT', 'upstreams/1', { type: 'roundrobin', nodes: upstreamNodes() })).toMatchObject({
    status: 201,
    answer: { key: '/apisix/upstreams/1', value: { id: '1', type: 'roundrobin' } },
  })
  expect(await curl('PUT', 'routes/hello', { uri: '/hello/*', upstream_id: '1' })).toMatchObject({ status: 201 })
  await served('/hello/world', 200, 'upstream got /hello/world')
  expect(await curl('GET', 'routes')).toMatchObject({ status: 200, answer: { total: 1 } })
})

test(`patches the route${needs}`, async () => {
  expect(
    await curl('PATCH', 'routes/hello', { plugins: { 'response-rewrite': { headers: { set: { 'X-Day': '1' } } } } }),
  ).toMatchObject({ status: 200 })
  await eventually(
    () => ask(`${url}/hello/`),
    ({ headers }) => headers['x-day'] === '1',
  )
  expect(await curl('PATCH', 'routes/hello/methods', ['GET', 'POST'] as object)).toMatchObject({
    status: 200,
    answer: { value: { methods: ['GET', 'POST'] } },
  })
})

test(`mistakes are refused with the field and the remedy, and nothing changes${needs}`, async () => {
  const before = await revision()
  expect(await curl('PUT', 'routes/bad', { uri: 'bad', upstream_id: '1' })).toMatchObject({
    status: 400,
    answer: { problems: [{ path: '/uri', message: 'must start with "/"', remedy: 'write "/bad"' }] },
  })
  expect(await curl('PUT', 'routes/bad', { uri: '/bad', upstream_id: '2' })).toMatchObject({
    status: 400,
    answer: { problems: [{ path: '/upstream_id' }] },
  })
  expect(await curl('DELETE', 'upstreams/1')).toMatchObject({ status: 400 })
  expect(await revision()).toBe(before)
  await served('/hello/world', 200, 'upstream got')
})

test(`noon: exports, edits the file, looks at the difference, and applies it${needs}`, async () => {
  expect(await run('export', '-o', 'routes.yaml')).toMatchObject({ status: 0, stderr: '' })
  const file = join(cwd, 'routes.yaml')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(await run('diff', '-f', 'routes.yaml')).toEqual({ status: 0, stdout: 'no differences\n', stderr: '' })

  const text = readFileSync(file, 'utf8').replace('X-Day: "1"', 'X-Day: "2"')
  writeFileSync(file, `${text}  - id: moved\n    uri: /old\n    plugins: { redirect: { uri: /hello/new } }\n`)
  const diff = await run('diff', '-f', 'routes.yaml')
  expect(diff).toMatchObject({
    status: 2,
    stdout: expect.stringContaining('    plugins.response-rewrite.headers.set.X-Day: "1" → "2"\n'),
  })
  expect(diff.stdout).toContain('+ routes/moved\n    uri: /old\n')

  const applied = await run('apply', '-f', 'routes.yaml', '--yes', '--comment', 'at noon')
  expect(applied.stdout).toMatch(/1 new, 1 changed\nrevision \d+: 1 new, 1 changed\n$/)
  await served('/old', 302, '')
  expect(await run('apply', '-f', 'routes.yaml')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^nothing to change at revision \d+\n$/),
  })
})

test(`a file with a mistake is refused with line and column${needs}`, async () => {
  writeFileSync(join(cwd, 'wrong.yaml'), 'routes:\n  - id: hello\n    uri: hello\n    upstream_id: "1"\n')
  const { status, stdout, stderr } = await run('apply', '-f', 'wrong.yaml', '--yes')
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain('wrong.yaml:3:10  /routes/0/uri  "hello": must start with "/"; write "/hello"')
  await served('/old', 302, '')
})

test(`afternoon: breaks it, sees who it was, and goes back${needs}`, async () => {
  const good = await revision()
  writeFileSync(join(cwd, 'broken.yaml'), 'routes:\n  - { id: hello, uri: /hallo/*, upstream: "http://127.0.0.1:1" }\n')
  expect(await run('apply', '-f', 'broken.yaml', '--yes')).toMatchObject({ status: 0 })
  await served('/hello/world', 404, 'Route Not Found')

  const { stdout } = await run('history')
  const [, newest, before] = stdout.split('\n')
  expect(newest).toMatch(
    /^\d+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +admin \(127\.0\.0\.1\) +1 changed, 2 removed +.*routes\/hello/,
  )
  expect(before).toContain('"at noon"')
  expect((await run('history', String(good + 1))).stdout).toContain('uri: /hello/* → /hallo/*')

  const back = await run('rollback', String(good), '--yes')
  expect(back).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/2 new, 1 changed\nrevision \d+: 2 new, 1 changed\n$/),
  })
  await served('/hello/world', 200, 'upstream got')
  await served('/old', 302, '')
})

test(`takes one route back, and leaves the rest${needs}`, async () => {
  const noon = await revision()
  await curl('PATCH', 'routes/moved', { plugins: { redirect: { uri: '/elsewhere' } } })
  await curl('PATCH', 'routes/hello', { priority: 7 })
  expect(await run('rollback', String(noon), '--only', 'routes/moved', '--yes')).toMatchObject({ status: 0 })
  expect(await curl('GET', 'routes/hello')).toMatchObject({ answer: { value: { priority: 7 } } })
  expect(await curl('GET', 'routes/moved')).toMatchObject({
    answer: { value: { plugins: { redirect: { uri: '/hello/new' } } } },
  })
  const then = await run('export', '--revision', String(noon))
  expect(then.stdout).toContain('uri: /hello/new')
  expect(then.stdout).not.toContain('priority: 7')
})

test(`brings over what an APISIX had${needs}`, async () => {
  writeFileSync(
    join(cwd, 'apisix.yaml'),
    `routes:
  - id: from-apisix
    uri: /apisix/*
    upstream: { type: roundrobin, nodes: ${JSON.stringify(upstreamNodes())} }
    plugins: { key-auth: {} }
consumers:
  - { username: jack, plugins: { key-auth: { key: jack-key } } }
#END
`,
  )
  expect(await run('import', 'apisix', 'apisix.yaml', '-o', 'imported.yaml')).toMatchObject({ status: 0, stderr: '' })
  const { status, stdout, stderr } = await run('apply', '-f', 'imported.yaml', '--keep', '--yes')
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: expect.stringContaining('are not sent: "listen"'),
  })
  // What a consumer shows is not to end in logs.
  expect(stdout).not.toContain('jack-key')
  await served('/apisix/a', 401, '')
  expect(await ask(`${url}/apisix/a`, 'GET', { apikey: 'jack-key' })).toMatchObject({ status: 200 })
  await served('/hello/world', 200, 'upstream got')
})

test(`evening: a restart changes nothing${needs}`, async () => {
  const before = (await run('export')).stdout.replace(/^#.*\n/, '')
  await gateway.stop()
  expect((await run('history')).stderr).toContain('nothing listens at')
  await startGateway()
  await served('/hello/world', 200, 'upstream got')
  expect((await run('export')).stdout.replace(/^#.*\n/, '')).toBe(before)
  expect((await run('history')).stdout).toContain('"at noon"')
})
