import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ask } from '../testing/curl.ts'
import { startGreeterServer } from '../testing/greeter-server.ts'
import { Sekisho, sekisho } from '../testing/sekisho.ts'

const GOLDEN = fileURLToPath(new URL('../../../gateway/src/import/envoy/golden/', import.meta.url))

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

/** A file of Envoy's in the working directory, and what is to become of it. */
function example(name: string): { yaml: string; report: string } {
  copyFileSync(join(GOLDEN, `${name}.envoy.yaml`), join(cwd, `${name}.envoy.yaml`))
  const read = (suffix: string): string => readFileSync(join(GOLDEN, name + suffix), 'utf8')
  return { yaml: read('.sekisho.yaml.golden'), report: read('.report.txt') }
}

it.each(['whole-article', 'whole-helloworld'])('%s: nothing is lost', async (name) => {
  const { yaml, report } = example(name)
  const { status, stdout, stderr } = await sekisho(['import', 'envoy', `${name}.envoy.yaml`], { cwd })
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: yaml, stderr: report })
})

it('the configuration of the article serves native clients and browsers', async () => {
  const server = await startGreeterServer()
  const { yaml } = example('whole-article')
  // Only the addresses are others here.
  const text = yaml.replace(/server:50051/g, `127.0.0.1:${server.port}`).replace(/\b8080\b/, '"127.0.0.1:0"')
  writeFileSync(join(cwd, 'sekisho.yaml'), `${text}\nmetrics: { address: "127.0.0.1:0" }\n`)
  const running = new Sekisho(['start'], { cwd })
  try {
    const [, url = ''] = await running.printed(/^serving \S+ on (http:\/\/127\.0\.0\.1:\d+)/m)
    expect(await server.call(new URL(url).host, 'Ada')).toBe('Hello Ada')
    const answer = await fetch(`${url}/helloworld.Greeter/SayHello`, {
      method: 'POST',
      headers: { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1', origin: 'https://page.test' },
      // A message of 5 bytes: field 1, "Ada".
      body: Buffer.from([0, 0, 0, 0, 5, 0x0a, 3, 0x41, 0x64, 0x61]),
    })
    expect(answer.headers.get('content-type')).toBe('application/grpc-web+proto')
    const bytes = Buffer.from(await answer.arrayBuffer()).toString('latin1')
    expect(bytes).toContain('Hello Ada')
    expect(bytes).toContain('grpc-status:0')
  } finally {
    await running.stop()
    server.stop()
  }
})

it('names what is lost, and says so by its status', async () => {
  const { yaml, report } = example('whole-guarded')
  const { status, stdout, stderr } = await sekisho(['import', 'envoy', 'whole-guarded.envoy.yaml'], { cwd })
  expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: yaml, stderr: report })
})

it('writes a file that passes the check, and does not replace one', async () => {
  const { yaml } = example('whole-front-proxy')
  const args = ['import', 'envoy', 'whole-front-proxy.envoy.yaml', '-o', 'sekisho.yaml']
  const first = await sekisho(args, { cwd })
  expect({ status: first.status, stdout: first.stdout }).toEqual({ status: 0, stdout: '' })
  expect(readFileSync(join(cwd, 'sekisho.yaml'), 'utf8')).toBe(yaml)
  const check = await sekisho(['check'], { cwd })
  expect(check.stdout).toContain('sekisho.yaml is valid: 4 routes, 2 upstreams, 1 service\n')
  const again = await sekisho(args, { cwd })
  expect(again).toEqual({
    status: 1,
    stdout: '',
    stderr: 'sekisho: sekisho.yaml exists, and is left as it is; remove it, or name another file\n',
  })
})

const ENVOY = (port: number): string => `static_resources:
  listeners:
    - address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ingress
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: { prefix: /, headers: [{ name: x-out, present_match: true }] }
                          direct_response: { status: 503, body: { inline_string: "out of order" } }
                        - match: { prefix: /api/ }
                          route: { cluster: app, prefix_rewrite: /v1/ }
                        - match: { path: /old }
                          redirect: { path_redirect: /new }
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
    - name: app
      type: STRICT_DNS
      load_assignment:
        cluster_name: app
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 0.0.0.0, port_value: ${port} } } } }] }]
`

it('serves what Envoy served', async () => {
  const upstream = createServer((request, response) => response.end(`upstream got ${request.url}`))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  writeFileSync(join(cwd, 'envoy.yaml'), ENVOY((upstream.address() as AddressInfo).port))
  const { status, stdout } = await sekisho(['import', 'envoy', 'envoy.yaml'], { cwd })
  expect(status).toBe(0)
  // The usual port of the metrics may be taken.
  writeFileSync(join(cwd, 'sekisho.yaml'), `${stdout}\nmetrics: { address: "127.0.0.1:0" }\n`)
  const running = new Sekisho(['start'], { cwd })
  try {
    const [, url = ''] = await running.printed(/^serving \S+ on (http:\/\/127\.0\.0\.1:\d+)/m)
    expect(await ask(`${url}/api/a?b`)).toMatchObject({ status: 200, body: 'upstream got /v1/a?b' })
    expect(await ask(`${url}/api/a`, 'GET', { 'x-out': '1' })).toMatchObject({
      status: 503,
      body: 'out of order',
    })
    expect(await ask(`${url}/old?q`)).toMatchObject({ status: 301, headers: { location: '/new?q' } })
    expect((await ask(`${url}/other`)).status).toBe(404)
  } finally {
    await running.stop()
    await new Promise((resolve) => upstream.close(resolve))
  }
})

it.each([
  ['missing.yaml', undefined, /^sekisho: missing\.yaml cannot be read: ENOENT/],
  [
    'other.yaml',
    'routes: []\n',
    /^sekisho: other\.yaml {2}is not a bootstrap of Envoy: it has no "static_resources"\n$/,
  ],
  ['broken.yaml', 'static_resources: {\n', /^sekisho: broken\.yaml:\d+:\d+ {2}\w/],
  ['broken.json', '{"static_resources": }', /^sekisho: broken\.json:1:\d+ {2}\w/],
])('%s: one clear line', async (file, text, message) => {
  if (text !== undefined) writeFileSync(join(cwd, file), text)
  const { status, stdout, stderr } = await sekisho(['import', 'envoy', file], { cwd })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(message)
})

const APISIX = (port: number): string => `upstreams:
  - { id: 1, type: roundrobin, nodes: { "127.0.0.1:${port}": 1 } }
  - { id: found, type: roundrobin, service_name: APP, discovery_type: tars }
routes:
  - { id: open, uri: /open/*, upstream_id: 1, plugins: { proxy-rewrite: { regex_uri: ["^/open/(.*)", "/v1/$1"] } } }
  - { id: key, uri: /key, upstream_id: 1, plugins: { key-auth: {} } }
  - { id: cas, uri: /cas, upstream_id: 1, plugins: { cas-auth: {} } }
  - { id: found, uri: /found, upstream_id: found }
consumers:
  - { username: jack, plugins: { key-auth: { key: $env://JACK_PASS } } }
#END
`

it('serves what APISIX served, and opens nothing that was guarded', async () => {
  const upstream = createServer((request, response) => response.end(`upstream got ${request.url}`))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  writeFileSync(join(cwd, 'apisix.yaml'), APISIX((upstream.address() as AddressInfo).port))
  const { status, stdout, stderr } = await sekisho(['import', 'apisix', 'apisix.yaml'], { cwd })
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: `apisix.yaml:3:36  not carried over  /upstreams/1/service_name: service discovery (tars): list the nodes. Until then requests are answered with 503
apisix.yaml:7:54  not carried over  /routes/2/plugins/cas-auth: there is no plugin of this name
2 not carried over
`,
  })
  // The usual ports may be taken.
  const yaml = stdout.replace('listen: [9080]', 'listen: ["127.0.0.1:0"]\nmetrics: { address: "127.0.0.1:0" }')
  writeFileSync(join(cwd, 'sekisho.yaml'), yaml)
  const running = new Sekisho(['start'], { cwd, env: { JACK_PASS: 'jacks-key' } })
  try {
    const [, url = ''] = await running.printed(/^serving \S+ on (http:\/\/127\.0\.0\.1:\d+)/m)
    expect(await ask(`${url}/open/a?b`)).toMatchObject({ status: 200, body: 'upstream got /v1/a?b' })
    expect(await ask(`${url}/key`)).toMatchObject({ status: 401 })
    expect(await ask(`${url}/key`, 'GET', { apikey: 'jacks-key' })).toMatchObject({ status: 200 })
    expect(await ask(`${url}/cas`)).toMatchObject({
      status: 503,
      body: expect.stringContaining('closed by the import'),
    })
    expect(await ask(`${url}/found`)).toMatchObject({ status: 503 })
  } finally {
    await running.stop()
    await new Promise((resolve) => upstream.close(resolve))
  }
})

it.each([
  ['missing.yaml', /^sekisho: missing\.yaml cannot be read: ENOENT/],
  ['http://127.0.0.1:1', /^sekisho: http:\/\/127\.0\.0\.1:1\/apisix\/admin cannot be asked: /],
])('apisix %s: one clear line', async (from, message) => {
  const { status, stdout, stderr } = await sekisho(['import', 'apisix', from], { cwd })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(message)
})
