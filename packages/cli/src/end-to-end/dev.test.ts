import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ask, type CurlAnswer, runCurl } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { Sekisho, sekisho } from '../testing/sekisho.ts'

let cwd: string
let running: Sekisho | undefined
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-'))
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  rmSync(cwd, { recursive: true })
})

async function startDev(args: readonly string[] = []): Promise<Sekisho> {
  running = new Sekisho(['dev', ...args], { cwd })
  await running.printed(/Ctrl-C stops everything/)
  return running
}

/** What each printed command promises. */
const PROMISES: Readonly<Record<string, (answers: readonly CurlAnswer[]) => void>> = {
  'two services take turns': ([{ status, headers, body }]) => {
    expect(status).toBe(200)
    expect(headers['x-hello']).toBe('hello from a plugin')
    expect(JSON.parse(body)).toMatchObject({ method: 'GET', path: '/hello/world' })
  },
  '3 in 10 seconds, then 429': (answers) => expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]),
  'no key: 401': ([{ status }]) => expect(status).toBe(401),
  "alice's key: 200": ([{ status, body }]) => {
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ path: '/secret/plans', consumer: 'alice' })
  },
  'no service yet: a mock': ([{ status, body }]) => {
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({ status: 'ok', caller: '127.0.0.1' })
  },
  'moved: 301': ([{ status, headers }]) => {
    expect(status).toBe(301)
    expect(headers.location).toBe('/hello/world')
  },
  CORS: ([{ status, headers }]) => {
    expect(status).toBe(200)
    expect(headers['access-control-allow-origin']).toBe('https://shop.example')
  },
  'WebSocket: 101, a greeting': ([{ status, body }]) => {
    expect(status).toBe(101)
    expect(body).toContain('say something, and it comes back')
  },
  Prometheus: ([{ status, body }]) => {
    expect(status).toBe(200)
    expect(body).toMatch(/^sekisho_node_info\{/m)
  },
  'a function': ([{ status, body }]) => {
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({ message: 'hello from a function', method: 'GET', path: '/fn/hello' })
  },
}

it('keeps the promise of every command that it prints, changes live, and ends with everything on Ctrl-C', async () => {
  const dev = await startDev()
  await dev.printed(/Functions are there[^]*--watch/)
  const commands = [...dev.stdout.matchAll(/^ {2}(.+?) {2,}(curl .*)$/gm)]
  expect(commands.map(([, title]) => title)).toEqual(Object.keys(PROMISES))
  for (const [, title, line] of commands) PROMISES[title](await runCurl(line))

  const [, gateway] = await dev.printed(/is open on (http:\S+)\n/)
  const services = new Set<unknown>()
  for (let tries = 0; tries < 8; tries++) {
    services.add((JSON.parse((await ask(`${gateway}/hello/world`)).body) as { service: string }).service)
  }
  expect(services).toEqual(new Set(['A', 'B']))

  const [, file] = await dev.printed(/routes and plugins +(\S+)\n/)
  const [, plugin] = await dev.printed(/plugin of your own +(\S+)\n/)
  const hello = async (): Promise<unknown> => (await ask(`${gateway}/hello/world`)).headers['x-hello']
  writeFileSync(file, readFileSync(file, 'utf8').replace('hello from a plugin', 'changed'))
  await eventually(hello, (seen) => seen === 'changed')
  writeFileSync(plugin, readFileSync(plugin, 'utf8').replace("'X-Hello', text", "'X-Hello', `${text} twice`"))
  await eventually(hello, (seen) => seen === 'changed twice')
  writeFileSync(file, readFileSync(file, 'utf8').replace('uri: /mock', 'uri: mock'))
  await dev.printed(/sekisho\.yaml:\d+:\d+ {2}\/routes\/3\/uri /)
  expect(await hello()).toBe('changed twice')

  dev.child.kill('SIGINT')
  expect(await dev.exited).toBe(0)
  await dev.everyProcessEnded
  await expect(ask(`${gateway}/mock`)).rejects.toThrow('ECONNREFUSED')
  expect(existsSync(file)).toBe(false)
  expect(readdirSync(cwd)).toEqual([])
}, 40_000)

it('prints an explain command that works', async () => {
  const dev = await startDev()
  const [, args] = await dev.printed(/npx sekisho (explain .*)\n/)
  const { status, stdout } = await sekisho(args.split(' '), { cwd })
  expect(status).toBe(0)
  expect(stdout).toMatch(/ {2}=> route hello, to 127\.0\.0\.1:\d+ or another node\n/)
  const [, node] = /=> route hello, to (\S+)/.exec(stdout) ?? []
  expect(JSON.parse((await ask(`http://${node}/x`)).body)).toMatchObject({ service: 'A', path: '/x' })
})

it('takes the next free port, and says so', async () => {
  const other = createServer()
  // In use already, by whoever, is as good.
  await new Promise<void>((resolve) => other.once('error', () => resolve()).listen(8080, '127.0.0.1', resolve))
  try {
    const dev = await startDev()
    const [, gateway, port] = await dev.printed(/is open on (http:\/\/127\.0\.0\.1:(\d+))\n/)
    expect(Number(port)).toBeGreaterThan(8080)
    expect(dev.stdout).toContain(`(port 8080 is taken: this is ${port})`)
    expect((await ask(`${gateway}/mock`)).status).toBe(200)
  } finally {
    other.close()
  }
})

it('serves a configuration of the user, which finds the demo services in the environment', async () => {
  const yaml = (path: string): string => `listen: ["127.0.0.1:0"]
workers: 1
metrics: false
routes:
  - { uri: ${path}, upstream: "http://127.0.0.1:\${{SEKISHO_DEV_SERVICE_B}}" }
`
  writeFileSync(join(cwd, 'own.yaml'), yaml('/own'))
  const dev = await startDev(['--config', 'own.yaml'])
  const [, gateway] = await dev.printed(/serves own\.yaml on (http:\S+)\n/)
  expect(JSON.parse((await ask(`${gateway}/own`)).body)).toMatchObject({ service: 'B' })
  writeFileSync(join(cwd, 'own.yaml'), yaml('/other'))
  await eventually(
    async () => (await ask(`${gateway}/other`)).status,
    (status) => status === 200,
  )
  dev.child.kill('SIGTERM')
  expect(await dev.exited).toBe(0)
  await dev.everyProcessEnded
})

it('says what is wrong with a configuration of the user, and ends', async () => {
  writeFileSync(join(cwd, 'own.yaml'), 'routes:\n  - { uri: own, plugins: {} }\n')
  const { status, stderr } = await sekisho(['dev', '-c', 'own.yaml'], { cwd })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^own\.yaml:2:\d+ {2}\/routes\/0\/uri /)
})
