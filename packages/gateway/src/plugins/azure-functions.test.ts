import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEcho, type EchoUpstream } from '../testing/echo-upstream.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import azureFunctions from './azure-functions.ts'
import { problemsOf } from './testing/mounted.ts'

let api: EchoUpstream
let gateway: TestGateway

beforeAll(async () => {
  api = await startEcho()
  const function_uri = `http://127.0.0.1:${api.port}/api/f`
  const route = (id: string, config: object, uri = `/${id}`) => ({
    id,
    uri,
    plugins: { 'azure-functions': { function_uri, ...config } },
  })
  gateway = await startGateway({
    plugin_metadata: [{ id: 'azure-functions', master_apikey: 'master', master_clientid: 'everywhere' }],
    routes: [
      route('master', {}),
      route('own', { authorization: { apikey: 'k', clientid: 'c' } }, '/own/*'),
      route('none', { authorization: {} }),
      route('small', { max_req_body_size: 3 }),
      route('away', { function_uri: 'http://127.0.0.1:1/' }),
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await api.close()
})

/** The fields that the function got. */
const fieldsOf = async (path: string, headers: Record<string, string> = {}): Promise<Record<string, string>> =>
  ((await gateway.fetch(path, { headers })).json() as { headers: Record<string, string> }).headers

describe('azure-functions', () => {
  it('sends the request on, with the rest of the path', async () => {
    const answer = await gateway.fetch('/own/x%20y?a=1', { method: 'PUT', body: 'body', headers: { 'x-a': 'b' } })
    expect(answer.json()).toMatchObject({
      method: 'PUT',
      url: '/api/f/x%20y?a=1',
      body: 'body',
      headers: { host: `127.0.0.1:${api.port}`, 'x-a': 'b', 'x-functions-key': 'k', 'x-functions-clientid': 'c' },
    })
  })

  it('shows the key of the metadata where the route says nothing of keys', async () => {
    expect(await fieldsOf('/master')).toMatchObject({
      'x-functions-key': 'master',
      'x-functions-clientid': 'everywhere',
    })
    expect(await fieldsOf('/none')).not.toHaveProperty('x-functions-key')
  })

  it('leaves alone what the client shows', async () => {
    const fields = await fieldsOf('/master', { 'X-Functions-Key': 'mine' })
    expect(fields['x-functions-key']).toBe('mine')
    expect(fields).not.toHaveProperty('x-functions-clientid')
  })

  it('has limits', async () => {
    expect((await gateway.fetch('/small', { method: 'POST', body: 'abc' })).status).toBe(200)
    expect((await gateway.fetch('/small', { method: 'POST', body: 'four' })).status).toBe(413)
    const chunked = { 'transfer-encoding': 'chunked' }
    expect((await gateway.fetch('/small', { method: 'POST', body: 'four', headers: chunked })).status).toBe(413)
    expect((await gateway.fetch('/small', { method: 'POST', body: 'abc', headers: chunked })).json()).toMatchObject({
      body: 'abc',
    })
    expect((await gateway.fetch('/away')).status).toBe(503)
  })

  it.each([{}, { function_uri: 'x' }, { function_uri: 'https://a', authorization: { key: 'k' } }])(
    'refuses %j',
    (config) => {
      expect(problemsOf(azureFunctions, config)).toHaveLength(1)
    },
  )
})
