import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { greeterClient, read, sayHello } from './testing/greeter-client.ts'

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))

function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, PORT: '0', METRICS_PORT: '0', WEB_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, stdout, stderr }))
  return {
    child,
    ended,
    lines: () =>
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  }
}

it('prints help', async () => {
  const { code, stdout } = await run(['--help']).ended
  expect(code).toBe(0)
  expect(stdout).toContain('Settings, from the environment:')
})

it.each([
  [['--port'], {}, /^greeter: what is --port\? .* see --help\n$/],
  [['--check', '--help'], {}, /^greeter: what is /],
  [['--check'], { PORT: '1' }, /^greeter: 14 UNAVAILABLE/],
  [[], { PORT: 'x' }, /^greeter: PORT must be a whole number from 0 to 65535, not x\n$/],
  [[], { HOST: '192.0.2.1' }, /^greeter: .*EADDRNOTAVAIL.*192\.0\.2\.1/],
])('ends with 1 for %j and %j', async (args, environment, message) => {
  const { code, stderr } = await run(args, environment).ended
  expect(stderr).toMatch(message)
  expect(code).toBe(1)
})

it.each(['SIGTERM', 'SIGINT'] as const)(
  'logs lines of JSON, and on %s finishes calls in flight and ends',
  async (signal) => {
    const { child, ended, lines } = run([])
    await once(child.stdout, 'data')
    const [listening] = lines()
    expect(listening).toMatchObject({ level: 'info', msg: 'listening', host: '127.0.0.1' })
    const client = greeterClient(listening['port'] as number)
    await sayHello(client, { name: 'Ada' }, { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' })
    await expect(sayHello(client, {})).rejects.toThrow()
    const replies = read(client.SayHelloStreamReply({ name: 'Ada', count: 3, delay_ms: 50 }))
    await replies.next()
    child.kill(signal)
    expect(await replies.rest()).toHaveLength(2)
    client.close()

    expect((await ended).code).toBe(0)
    const calls = lines().filter(({ msg }) => msg === 'call')
    expect(calls).toMatchObject([
      { service: 'helloworld.Greeter', method: 'SayHello', code: 'OK', trace: '0af7651916cd43dd8448eb211c80319c' },
      { method: 'SayHello', code: 'INVALID_ARGUMENT', details: expect.stringContaining('関所') as string },
      { method: 'SayHelloStreamReply', code: 'OK' },
    ])
    expect(lines().at(-1)).toMatchObject({ msg: 'stopped' })
  },
)

it('breaks calls off on a second signal', async () => {
  const { child, ended, lines } = run([])
  await once(child.stdout, 'data')
  const client = greeterClient(lines()[0]['port'] as number)
  const call = client.SayHelloBidiStream()
  const replies = read(call)
  call.write({ name: 'Ada' })
  await replies.next()
  child.kill('SIGTERM')
  await once(child.stdout, 'data')
  child.kill('SIGTERM')
  await expect(replies.next()).rejects.toThrow('CANCELLED')
  client.close()
  expect((await ended).code).toBe(0)
})

it('checks the health of another process', async () => {
  const { child, ended, lines } = run([])
  await once(child.stdout, 'data')
  const port = String(lines()[0]['port'])
  expect(await run(['--check'], { PORT: port }).ended).toEqual({ code: 0, stdout: '', stderr: '' })
  expect((await run(['--check'], { PORT: port, HOST: '0.0.0.0' }).ended).code).toBe(0)
  child.kill('SIGTERM')
  expect((await ended).code).toBe(0)
})
