import { afterAll, beforeAll, expect, it } from 'vitest'
import { type HttpServer, listenHttp } from '../http/listen.ts'
import { bundlePage } from './bundle.ts'
import { webPage } from './page-server.ts'

let server: HttpServer
beforeAll(async () => {
  server = await listenHttp('127.0.0.1', 0, webPage())
})
afterAll(() => server.close())
const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}${path}`)

it.each([
  ['/?gateway=http://localhost:9000', 'text/html; charset=utf-8', '<h1>Greeter</h1>'],
  ['/page.css', 'text/css; charset=utf-8', 'body {'],
  ['/page.js', 'text/javascript; charset=utf-8', 'helloworld.Greeter'],
])('serves %s', async (path, type, part) => {
  const answer = await get(path)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe(type)
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(await answer.text()).toContain(part)
})

it.each(['/index.html', '/../package.json', '/%2e%2e/package.json', '/page.ts', '/constructor', '//'])(
  'has no %s',
  async (path) => {
    expect((await get(path)).status).toBe(404)
  },
)

it('bundles once for those who ask at the same time', async () => {
  const [one, other] = await Promise.all([bundlePage(), bundlePage()])
  expect(one).toBe(other)
  expect(await bundlePage()).not.toBe(one)
})
