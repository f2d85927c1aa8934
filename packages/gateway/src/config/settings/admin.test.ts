import { expect, test } from 'vitest'
import { loadConfigText } from '../load.ts'
import { problemLine } from '../render.ts'
import { testPlugins } from '../testing/plugins.ts'

const load = (text: string) =>
  loadConfigText('/etc/sekisho/sekisho.yaml', text, { plugins: testPlugins, environment: {} })

test('left out: none with a file', async () => {
  expect((await load('routes: []')).config?.settings.admin).toBeUndefined()
})

test('defaults, and paths from where the file is', async () => {
  const { config } = await load('admin: { tls: { cert: a.pem, key: b.pem }, audit_log: logs/audit.log }')
  expect(config?.settings.admin).toEqual({
    address: { host: '127.0.0.1', port: 9180, path: undefined },
    keys: [],
    keyFile: '/etc/sekisho/data/admin-key',
    allowAdmin: undefined,
    tls: { cert: '/etc/sekisho/a.pem', key: '/etc/sekisho/b.pem', ca: undefined },
    auditLog: '/etc/sekisho/logs/audit.log',
  })
})

test('networks that are none', async () => {
  const { problems } = await load('admin: { allow_admin: [10.0.0.0/8, 10.0.0] }')
  expect(problems?.map(problemLine)).toEqual([
    '/etc/sekisho/sekisho.yaml:1:36  /admin/allow_admin/1  "10.0.0": is not an IP address or network; write it as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32',
  ])
})
