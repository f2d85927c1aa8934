import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { loadConfigText } from '../config/load.ts'
import { problemsOf } from '../plugins/testing/mounted.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { namedFilter } from './named-filter.ts'

const file = fileURLToPath(new URL('../../../../examples/wasm/house-rules.wasm', import.meta.url))
const houseRules = namedFilter({ name: 'house_rules', priority: 7_999, file })

let gateway: TestGateway | undefined
afterEach(async () => {
  await gateway?.close()
  gateway = undefined
})

describe('a filter with a name of its own', () => {
  it('stands beside others, by its priority, each with its own configuration', async () => {
    const plugins = {
      wasm: { path: file, conf: 'mask=secret via=second' },
      house_rules: { conf: 'deny=BadBot via=first' },
    }
    gateway = await startGateway({ routes: [{ uri: '/*', upstream_id: 'echo', plugins }] }, [houseRules])
    expect((await gateway.fetch('/', { headers: { 'user-agent': 'BadBot' } })).status).toBe(403)
    const answer = await gateway.fetch('/', { method: 'POST', body: 'a secret' })
    expect(answer.headers['via']).toBe('second')
    expect(gateway.echo.requests[0].body).toBe('a ******')
  })

  it('is told what is wrong with its configuration, and with its module', () => {
    expect(problemsOf(houseRules, { conf: 'nonsense' })).toEqual([
      '/conf: the filter refuses its configuration (proxy_on_configure returned false)',
    ])
    expect(problemsOf(houseRules, { path: file })).toEqual(['/path: unknown key "path"'])
    const missing = namedFilter({ name: 'missing', priority: 1, file: '/no/such.wasm' })
    expect(problemsOf(missing, {})).toEqual([
      ": /no/such.wasm: cannot be read: ENOENT: no such file or directory, stat '/no/such.wasm'",
    ])
  })

  it('is a setting of the node, as in APISIX', async () => {
    const load = (wasm: object) =>
      loadConfigText('/etc/sekisho/sekisho.json', JSON.stringify({ wasm }), {
        plugins: { get: () => undefined, names: () => [] },
      })
    const { config } = await load({
      plugins: [{ name: 'wasm_log', priority: 7_999, file: 'wasm/log.wasm', http_request_phase: 'access' }],
    })
    expect(config?.settings.wasm?.plugins).toMatchObject([
      { name: 'wasm_log', priority: 7_999, file: '/etc/sekisho/wasm/log.wasm', http_request_phase: 'access' },
    ])
    const { problems } = await load({ plugins: [{ name: 'Wasm Log', file: 'x', http_request_phase: 'log' }] })
    expect(problems?.map(({ path }) => path)).toEqual([
      '/wasm/plugins/0',
      '/wasm/plugins/0/name',
      '/wasm/plugins/0/http_request_phase',
    ])
  })
})
