import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { AUTHORITY, SERVER_CERTIFICATE, SERVER_KEY } from '../packages/proxy/src/exchange/testing/certificates.ts'
import { Examples, type Answer, type Example } from './testing/example.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const NAMES = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => name.slice(0, -3))

let examples: Examples
beforeAll(() => {
  examples = new Examples(NAMES)
})
afterEach(() => examples.endAll())
afterAll(() => examples.remove())

const tested = new Set<string>()

/** Each test does what the example's first comment says, and then stops the program as Ctrl-C would. */
function example(name: string, run: (program: Example) => Promise<void>, environment?: Record<string, string>): void {
  tested.add(name)
  test(name, async () => {
    const program = await examples.start(name, environment)
    await run(program)
    expect(await program.stop()).toBe(0)
  })
}

const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status)

example('load-balancer', async (program) => {
  const bodies: string[] = []
  for (let round = 0; round < 6; round++) bodies.push((await program.ask('/')).body)
  const [first, second] = bodies
  expect(new Set([first, second])).toEqual(
    new Set(['hello from one to hello.internal\n', 'hello from two to hello.internal\n']),
  )
  // Two of three nodes are there: each gets its turns, and no request is lost to the third.
  expect(bodies.every((body) => body.startsWith('hello from'))).toBe(true)
  expect((await program.ask('/', { body: 'x' })).status).toBe(200)
})

example(
  'backoff-retry',
  async (program) => {
    const answer = await program.ask('/')
    expect([answer.status, answer.headers['x-attempts'], answer.body]).toEqual([200, '3', 'here at last\n'])
    const hopeless = await program.ask('/hopeless')
    expect([hopeless.status, hopeless.headers['x-attempts']]).toEqual([502, '4'])
    await program.output(/attempt 1: CONNECT_REFUSED/)
    await program.output(/attempt 4: CONNECT_REFUSED/)
  },
  { PAUSE_MS: '1' },
)

example('connection-context', async (program) => {
  expect((await program.ask('/')).body).toBe('stable\n')
  const beta = await program.ask('/', { headers: { Beta: '1' } })
  expect([beta.body, beta.headers['x-on-this-connection'], beta.headers['x-beta-users']]).toEqual(['beta\n', '2', '1'])
  const last = await program.ask('/')
  expect([last.headers['x-on-this-connection'], last.headers['x-beta-users']]).toEqual(['3', '1'])
})

example('access-control-gateway', async (program) => {
  const refused = await program.ask('/login')
  expect([refused.status, refused.body]).toEqual([403, 'no entry\n'])
  const login = await program.ask('/login', { headers: { Authorization: 'password' } })
  expect([login.status, login.body]).toEqual([200, 'the public service, without a password\n'])
  expect([login.headers['server'], login.headers['alt-svc']]).toEqual(['MyGateway', undefined])
  expect((await program.ask('/family/dogs')).body).toBe('the family service, without a password\n')
  await program.output(/^GET \/login 403 \d+\.\d ms$/m)
  await program.output(/^GET \/family\/dogs 200 \d+\.\d ms$/m)
})

example('modify-response', async (program) => {
  const users = await program.ask('/users')
  expect(users.headers['content-type']).toBe('text/x-yaml')
  expect(users.body).toBe('- name: Ann\n  age: 41\n')
  const plain = await program.ask('/plain')
  expect([plain.headers['content-type'], plain.body]).toEqual(['text/plain; charset=utf-8', 'plain text\n'])
})

example('multi-upstream', async (program) => {
  expect((await program.ask('/one/x?y=1')).body).toBe('cluster one, asked for /x?y=1\n')
  expect((await program.ask('/two/x')).body).toBe('cluster two, asked for /x\n')
  expect((await program.ask('/two')).body).toBe('cluster two, asked for /\n')
  expect((await program.ask('/three')).status).toBe(404)
})

example('rate-limiter', async (program) => {
  // A connection each, so that both workers are asked: the count is one.
  const ask = (app: string): Promise<Answer> => program.ask('/', { headers: { 'App-Id': app, Connection: 'close' } })
  const answers: Answer[] = []
  for (let round = 0; round < 6; round++) answers.push(await ask('a'))
  expect(statuses(answers)).toEqual([200, 200, 200, 429, 429, 429])
  expect(answers.map(({ headers }) => headers['x-rate-limit-remaining'])).toEqual([
    '2',
    '1',
    '0',
    undefined,
    undefined,
    undefined,
  ])
  expect(Number(answers[3]?.headers['retry-after'])).toBeGreaterThan(0)
  expect((await ask('b')).status).toBe(200)
  expect(statuses(await Promise.all(Array.from({ length: 5 }, () => program.ask('/'))))).toEqual([
    200, 200, 200, 200, 200,
  ])
})

example('request-body', async (program) => {
  expect((await program.ask('/', { body: '{"user":"ann"}' })).body).toBe('got {"user":"ann","via":"sekisho"}')
  const refused = [
    await program.ask('/', { body: '{"user":"eve"}' }),
    await program.ask('/', { body: 'not json' }),
    await program.ask('/', { body: '\0'.repeat(2_000) }),
  ]
  expect(statuses(refused)).toEqual([403, 400, 413])
  expect((await program.ask('/stream', { method: 'PUT', body: 'in pieces' })).body).toBe('got IN PIECES')
  expect((await program.ask('/')).body).toBe('got ')
})

example('custom-balancer', async (program) => {
  for (let round = 0; round < 3; round++) expect((await program.ask('/')).body).toBe('main\n')
  expect((await program.ask('/?main=sick')).body).toBe('stand-in\n')
  expect((await program.ask('/')).body).toBe('stand-in\n')
  expect((await program.ask('/?main=well')).body).toBe('main\n')
})

describe('tls-upstream', () => {
  tested.add('tls-upstream')

  const start = async (environment: Record<string, string>): Promise<{ program: Example; close: () => void }> => {
    const server = createServer({ cert: SERVER_CERTIFICATE, key: SERVER_KEY }, (request, response) =>
      response.end(`hello ${request.headers.host}`),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const program = await examples.start('tls-upstream', { UPSTREAM: `127.0.0.1:${port}`, ...environment })
    return { program, close: () => server.close() }
  }
  const authority = (): string => {
    const file = join(examples.folder, 'authority.pem')
    writeFileSync(file, AUTHORITY)
    return file
  }

  test('a server that is who it should be', async () => {
    const { program, close } = await start({ SNI: 'upstream.test', CA: authority() })
    const answer = await program.ask('/')
    expect([answer.status, answer.body]).toEqual([200, 'hello upstream.test'])
    expect(await program.stop()).toBe(0)
    close()
  })

  test('one that is not is a 502', async () => {
    const { program, close } = await start({ SNI: 'example.com', CA: authority() })
    const answer = await program.ask('/')
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      502,
      expect.objectContaining({ reason: 'TLS_CERTIFICATE' }),
    ])
    expect(await program.stop()).toBe(0)
    close()
  })
})

describe('graceful-server', () => {
  tested.add('graceful-server')
  const SLOW = { SLOW_MS: '300' }

  test('SIGTERM lets a slow request finish', async () => {
    const program = await examples.start('graceful-server', SLOW)
    const slow = program.ask('/slow', { headers: { Connection: 'close' } })
    await program.output(/a slow request began/)
    program.signal('SIGTERM')
    expect((await slow).status).toBe(200)
    expect(await program.exited).toBe(0)
  })

  test('SIGUSR2 puts a new process in the place of the old one, which finishes what it began', async () => {
    const program = await examples.start('graceful-server', SLOW)
    const close = { headers: { Connection: 'close' } }
    const [, first] = await program.output(/gateway process (\d+)/)
    const slow = program.ask('/slow', close)
    await program.output(/a slow request began/)
    program.signal('SIGUSR2')
    const [, second] = await program.output(new RegExp(`gateway process (?!${first}\\b)(\\d+)`))
    expect(JSON.parse((await slow).body)).toMatchObject({ process: Number(first) })
    // The old one may still take a connection while the new one says that it is ready.
    await vi.waitFor(
      async () => expect(JSON.parse((await program.ask('/', close)).body)).toMatchObject({ process: Number(second) }),
      { timeout: 10_000, interval: 25 },
    )
    expect(await program.stop()).toBe(0)
  })

  test('SIGHUP reaches the control thread, and through it every worker', async () => {
    const program = await examples.start('graceful-server', SLOW)
    program.signal('SIGHUP')
    for (;;) {
      const { reloads } = JSON.parse((await program.ask('/', { headers: { Connection: 'close' } })).body) as {
        reloads: number
      }
      if (reloads === 1) break
    }
    expect(await program.stop()).toBe(0)
  })
})

test('every example is tested, begins with what to try, and is short', () => {
  expect(tested).toEqual(new Set(NAMES))
  for (const name of NAMES) {
    const lines = readFileSync(join(folder, `${name}.ts`), 'utf8').split('\n')
    expect(lines[0]).toMatch(/^\/\/ /)
    expect(lines.find((line) => line.startsWith('//   '))?.startsWith(`//   node examples/${name}.ts`)).toBe(true)
    expect(lines.some((line) => /^\/\/.*curl/.test(line))).toBe(true)
    const code = lines.filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/\*\*)/.test(line))
    expect([name, code.length <= 40]).toEqual([name, true])
  }
})
