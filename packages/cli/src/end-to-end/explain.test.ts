import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sekisho } from '../testing/sekisho.ts'

const YAML = `
consumers:
  - { username: alice, plugins: { key-auth: { key: alice-key } } }
routes:
  - { id: office, uri: /files/*, remote_addrs: ["192.0.2.0/24"], upstream: "http://127.0.0.1:3000" }
  - { id: secret, uri: /secret/*, upstream: "http://127.0.0.1:3000", plugins: { key-auth: {}, shout: {} } }
`
const PLUGIN = `import { definePlugin, Type } from '@sekisho/gateway'
export default definePlugin({
  name: 'shout',
  priority: 1,
  schema: Type.Object({}),
  create: () => ({ access() { throw new Error('explain must not run this') } }),
})`

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-'))
  writeFileSync(join(cwd, 'sekisho.yaml'), YAML)
  writeFileSync(join(cwd, 'shout.ts'), PLUGIN)
  writeFileSync(join(cwd, 'sekisho.yaml'), `plugin_paths: ["."]${YAML}`)
})
afterAll(() => rmSync(cwd, { recursive: true }))

const explain = (...args: string[]) => sekisho(['explain', ...args], { cwd })

it('tells route, plugins and upstream of a request with headers', async () => {
  const { status, stdout, stderr } = await explain(
    'get',
    'http://a.example/secret/x',
    '-H',
    'apikey: alice-key',
    '-H',
    'X-A: b',
  )
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toContain('GET /secret/x, host a.example, from 127.0.0.1\n  => route secret, to 127.0.0.1:3000\n')
  expect(stdout).toMatch(/rewrite +key-auth +2500 +routes\/secret\n/)
  expect(stdout).toMatch(/access +\? +shout +1 +routes\/secret +is a plugin of your own, which is not run here\n/)
  expect(stdout).toContain('the caller is consumer alice')
})

it('tells why no route matches', async () => {
  const { status, stdout } = await explain('GET', '/files/a')
  expect(status).toBe(0)
  expect(stdout).toContain('=> no route matches, 404 from the gateway')
  expect(stdout).toContain('office  remote_addrs: route wants 192.0.2.0/24, request has 127.0.0.1')
  expect((await explain('GET', '/files/a', '--remote-addr', '192.0.2.7')).stdout).toContain(
    '=> route office, to 127.0.0.1:3000',
  )
})

it('answers programs in JSON, every field in it', async () => {
  const { stdout } = await explain('GET', '/secret/x', '--json', '--consumer', 'alice')
  expect(JSON.parse(stdout)).toMatchObject({
    refused: null,
    route: { id: 'secret', host: null, params: null },
    notTaken: [],
    moreNotTaken: 1,
    consumer: 'alice',
    answer: null,
    upstream: { place: 'routes/secret', picked: '127.0.0.1:3000', certain: true },
  })
})

it('says what is wrong with the configuration instead', async () => {
  writeFileSync(join(cwd, 'bad.yaml'), 'routes:\n  - { uri: x, plugins: {} }\n')
  const { status, stdout, stderr } = await explain('GET', '/', '-c', 'bad.yaml')
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/^bad\.yaml:2:\d+ {2}\/routes\/0\/uri /)
})
