import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LambdaClient, GetFunctionCommand, ListTagsCommand } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FunctionEngine } from '../../testing/function-engine.ts'
import { sekisho } from '../../testing/sekisho.ts'

const ECHO = 'export async function handler(event) { console.log("got", event); return event }'
const OWN_RUNTIME = `nodejs${process.versions.node.split('.', 1)[0]}.x`

let engine: FunctionEngine
let lambda: LambdaClient
beforeAll(async () => {
  engine = await FunctionEngine.start()
  lambda = new LambdaClient({
    endpoint: engine.address,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  })
})
afterAll(async () => {
  lambda.destroy()
  await engine.stop()
})

/** A folder with these files, and nothing else. */
async function folder(name: string, files: Readonly<Record<string, string>>): Promise<void> {
  await rm(join(engine.folder, name), { recursive: true, force: true })
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(engine.folder, name, path, '..'), { recursive: true })
    await writeFile(join(engine.folder, name, path), text)
  }
}

describe('fn deploy', () => {
  it('creates, leaves alone what has not changed, and changes what has', async () => {
    const settings = 'memory: 256\nenv: { AA: 1, BB: "${{FROM_SHELL}}" }\nnetwork: egress\nurl: true\n'
    await folder('one', { 'index.ts': ECHO, 'function.yaml': settings })
    const env = { FROM_SHELL: 'shell' }
    const created = await engine.fn(['deploy', 'one', '--timeout', '7', '--env', 'CC=3'], { env })
    expect(created.stderr).toBe('')
    expect(created.stdout).toMatch(
      new RegExp(
        String.raw`^one is created \(\d.*\n  arn:aws:lambda:us-east-1:000000000000:function:one\n  ${OWN_RUNTIME}, index\.handler, 256 MB`,
      ),
    )
    const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: 'one' }))
    expect(Configuration).toMatchObject({ Timeout: 7, Environment: { Variables: { AA: '1', BB: 'shell', CC: '3' } } })
    const { Tags } = await lambda.send(new ListTagsCommand({ Resource: Configuration!.FunctionArn! }))
    expect(Tags).toEqual({ 'sekisho:network': 'egress' })

    const again = await engine.fn(['deploy', 'one', '--env', 'CC=3'], { env })
    expect(again.stdout).toContain('one is unchanged')
    await folder('one', { 'index.ts': `// changed\n${ECHO.replace('"got"', '"has"')}`, 'function.yaml': settings })
    const changed = await engine.fn(['deploy', 'one', '--memory', '512'], { env })
    expect(changed.stdout).toContain('one is updated')
    expect(changed.stdout).toContain('512 MB of memory, timeout 7 s')
    // The file says which variables there are.
    const after = await lambda.send(new GetFunctionCommand({ FunctionName: 'one' }))
    expect(after.Configuration?.Environment?.Variables).toEqual({ AA: '1', BB: 'shell' })
  })

  it('gives a URL that answers', async () => {
    await folder('with-url', {
      'index.js': 'exports.handler = async ({ rawPath }) => ({ statusCode: 200, body: `at ${rawPath}` })',
    })
    const { stdout } = await engine.fn(['deploy', 'with-url', '--url'])
    const url = /curl (\S+)/.exec(stdout)?.[1] ?? ''
    // Not every resolver knows names below localhost.
    const { hostname, port } = new URL(url)
    const answer = await fetch(`http://127.0.0.1:${port}/lambda-url/with-url/x/y`)
    expect(hostname).toMatch(/\.lambda-url\.us-east-1\.localhost$/)
    expect(await answer.text()).toBe('at /x/y')
  })

  it('publishes a version for an alias', async () => {
    await folder('with-alias', { 'index.js': 'exports.handler = async () => 1' })
    expect((await engine.fn(['deploy', 'with-alias', '--alias', 'live'])).stdout).toContain(':live, version 1\n')
    await folder('with-alias', { 'index.js': 'exports.handler = async () => 2' })
    expect((await engine.fn(['deploy', 'with-alias', '--alias', 'live'])).stdout).toContain(':live, version 2\n')
    expect((await engine.fn(['invoke', 'with-alias', '--qualifier', '1'])).stdout).toBe('1\n')
    expect((await engine.fn(['invoke', 'with-alias:live'])).stdout).toBe('2\n')
  })

  it('makes the schedules and sources of a function what the settings say', async () => {
    const settings = (more: string): string =>
      `schedules: [{ name: often, expression: rate(5 minutes), input: { a: 1 }, enabled: false }${more}]
sources: [{ redis: 'redis://127.0.0.1:1', topic: orders, batch_size: 3, report_failures: true, enabled: false }]\n`
    const files = { 'index.js': 'exports.handler = async () => 1' }
    const json = async (path: string) =>
      (await fetch(engine.address + path)).json() as Promise<Record<string, object[]>>
    const schedules = async () => (await json('/schedules'))['Schedules']
    await folder('timed', { ...files, 'function.yaml': settings(', { name: daily, expression: cron(0 3 * * ? *) }') })
    expect((await engine.fn(['deploy', 'timed'])).stderr).toBe('')
    expect(await schedules()).toMatchObject([
      { Name: 'timed.daily', State: 'ENABLED' },
      { Name: 'timed.often', State: 'DISABLED' },
    ])
    await folder('timed', { ...files, 'function.yaml': settings('') })
    expect((await engine.fn(['deploy', 'timed'])).stderr).toBe('')
    expect(await schedules()).toMatchObject([{ Name: 'timed.often' }])
    expect((await json('/2015-03-31/event-source-mappings/?FunctionName=timed'))['EventSourceMappings']).toMatchObject([
      { Topics: ['orders'], BatchSize: 3, FunctionResponseTypes: ['ReportBatchItemFailures'], State: 'Disabled' },
    ])
    await folder('timed', { ...files, 'function.yaml': 'sources: [{ redis: a, nats: b, topic: c }]' })
    expect((await engine.fn(['deploy', 'timed'])).stderr).toContain(
      'must have one of "arn", "redis", "nats" and "kafka"',
    )
    expect((await engine.fn(['delete', 'timed'])).stderr).toBe('timed is deleted\n')
    expect(await schedules()).toEqual([])
  })

  it('packs a folder as it is: Node.js with its node_modules', async () => {
    await folder('plain', {
      'package.json': '{"name":"@scope/plain-one","sekisho":{"bundle":false,"exclude":["*.md"]}}',
      'index.js': 'exports.handler = async () => [require("pack").it, require("fs").readdirSync(__dirname)]',
      'node_modules/pack/index.js': 'exports.it = 5',
      'README.md': '',
    })
    expect((await engine.fn(['deploy', 'plain'])).stdout).toContain('plain-one is created')
    expect(JSON.parse((await engine.fn(['invoke', 'plain-one'])).stdout)).toEqual([
      5,
      ['index.js', 'node_modules', 'package.json'],
    ])
  })

  it('says what is wrong with the code, with line and column, and changes nothing', async () => {
    await folder('wrong', {
      'index.ts': 'import { x } from "not-there"\nexport const handler = ) =>',
      'package.json': '{"dependencies":{"not-there":"1"}}',
    })
    const { status, stdout, stderr } = await engine.fn(['deploy', 'wrong'])
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/wrong\/index\.ts:2:24: Unexpected "\)"\n.*export const handler/)
    await folder('wrong', {
      'index.ts': 'import { x } from "not-there"\nexport const handler = () => x',
      'package.json': '{"dependencies":{"not-there":"1"}}',
    })
    expect((await engine.fn(['deploy', 'wrong'])).stderr).toMatch(
      /its packages are not installed: npm install --prefix .*wrong\n/,
    )
    expect((await engine.fn(['invoke', 'wrong'])).stderr).toContain('Function not found')
  })

  it('says what is wrong with the settings', async () => {
    await folder('settings', { 'index.ts': ECHO, 'function.yaml': 'memory: 64\ntimeot: 5\n' })
    const { status, stderr } = await engine.fn(['deploy', 'settings'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/function\.yaml:1:9 {2}\/memory {2}64: .*128/)
    expect(stderr).toMatch(/function\.yaml:2:1 {2}\/timeot {2}unknown key "timeot"; did you mean "timeout"\?/)
    await folder('settings', { 'index.ts': ECHO, 'function.yaml': '', 'package.json': '{"sekisho":{}}' })
    expect((await engine.fn(['deploy', 'settings'])).stderr).toContain(
      'function.yaml and "sekisho" in package.json; keep one',
    )
    expect((await engine.fn(['deploy', 'nowhere'])).stderr).toContain(
      'nowhere is no folder; "sekisho fn new nowhere" makes one',
    )
    expect((await engine.fn(['deploy', 'settings', '--alias', 'a', '--watch'])).status).toBe(1)
  })

  it('says what to install when a compiler is missing', async () => {
    await folder('rusty', { 'Cargo.toml': '[package]\nname = "rusty"', 'src/main.rs': '' })
    const { status, stderr } = await engine.fn(['deploy', 'rusty'], { env: { PATH: '/nowhere' } })
    expect(status).toBe(1)
    expect(stderr).toMatch(/(rustc|cargo) is not installed: get Rust from https:\/\/rustup\.rs/)
  })

  it('deploys again what is saved, and goes on after a mistake', async () => {
    await folder('watched', { 'index.ts': 'export const handler = async () => 0' })
    const watching = engine.start(['deploy', 'watched', '--watch'])
    const save = (text: string) => writeFile(join(engine.folder, 'watched/index.ts'), text)
    try {
      await watching.printed(/watching/)
      await save('export const handler = async () => 1')
      const [, took] = await watching.printed(/watched deployed in (\d+) ms \(index\.ts\)/)
      expect(Number(took)).toBeLessThan(300)
      expect((await engine.fn(['invoke', 'watched'])).stdout).toBe('1\n')
      await save('export const handler = async () =')
      await watching.printed(/index\.ts:1:34/)
      await save('export const handler = async () => 2')
      await watching.printed(/deployed in[^]*deployed in/)
      expect((await engine.fn(['invoke', 'watched'])).stdout).toBe('2\n')
      await writeFile(join(engine.folder, 'watched/function.yaml'), 'memory: 300')
      await watching.printed(/300 MB of memory/)
    } finally {
      await watching.stop()
    }
    expect(await watching.exited).toBe(0)
  })
})

describe('fn invoke', () => {
  beforeEach(async () => {
    const code = `exports.handler = async (event) => {
      if (event.fail) throw new TypeError('asked to fail')
      console.log('line of the log')
      return event
    }`
    await folder('calls', { 'index.js': code })
    await engine.fn(['deploy', 'calls'])
  })

  it('prints the answer and nothing else', async () => {
    expect(await engine.fn(['invoke', 'calls', '-d', '{"foo":"bar"}'])).toEqual({
      status: 0,
      stdout: '{"foo":"bar"}\n',
      stderr: '',
    })
    expect((await engine.fn(['invoke', 'calls'])).stdout).toBe('{}\n')
  })

  it('shows the end of the log beside it', async () => {
    const { stdout, stderr } = await engine.fn(['invoke', 'calls', '-d', '1', '--tail'])
    expect(stdout).toBe('1\n')
    expect(stderr).toMatch(/START RequestId[^]*line of the log[^]*REPORT RequestId/)
  })

  it('queues an event', async () => {
    const { status, stdout, stderr } = await engine.fn(['invoke', 'calls', '-d', '{"queued":true}', '--async'])
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
    const [, id = ''] = /^queued as (\S+);/.exec(stderr) ?? []
    const following = engine.start(['logs', 'calls', '-f'])
    try {
      await following.printed(new RegExp(`END RequestId: ${id}`))
    } finally {
      await following.stop()
    }
  })

  it('streams', async () => {
    const code = `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
      stream.write('one'); stream.write('two')
      if (event.fail) throw new Error('in the middle')
      stream.end()
    })`
    await folder('streams', { 'index.js': code })
    await engine.fn(['deploy', 'streams'])
    expect(await engine.fn(['invoke', 'streams', '--stream'])).toMatchObject({ status: 0, stdout: 'onetwo' })
    const broken = await engine.fn(['invoke', 'streams', '--stream', '-d', '{"fail":true}'])
    expect(broken.status).toBe(1)
    expect(broken.stderr).toContain('streams failed')
  })

  it('ends with 1 when the function fails, with its trace on standard error', async () => {
    const { status, stdout, stderr } = await engine.fn(['invoke', 'calls', '-d', '{"fail":true}'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^sekisho: calls failed: TypeError: asked to fail\n\s+at .*handler/)
  })

  it('says why it did not call at all', async () => {
    expect((await engine.fn(['invoke', 'calls', '--async', '--tail'])).stderr).toContain('--async has no answer')
    expect((await engine.fn(['invoke', 'calls', '-d', "{'a':1}"])).stderr).toContain('-d is no JSON')
    expect((await engine.fn(['invoke', 'calls', '-f', 'none.json'])).stderr).toContain(
      'none.json cannot be read: ENOENT',
    )
    expect((await engine.fn(['invoke', 'calls', '-d', '1', '-f', '-'])).stderr).toContain('use one')
    expect(await engine.fn(['invoke', 'not-there'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('Function not found: arn:aws:lambda:us-east-1:000000000000:function:not-there'),
    })
    const away = await sekisho(['fn', 'invoke', 'calls', '--endpoint-url', 'http://127.0.0.1:1'])
    expect(away.status).toBe(1)
    expect(away.stderr).toMatch(/no function engine listens at http:\/\/127\.0\.0\.1:1: start one by "sekisho dev"/)
  })
})

describe('fn logs, list, delete, doctor', () => {
  it('show what a function wrote, also from now on', async () => {
    await folder('talks', { 'index.js': 'exports.handler = async (event) => console.log(`heard ${event}`)' })
    await engine.fn(['deploy', 'talks'])
    await engine.fn(['invoke', 'talks', '-d', '1'])
    const { stdout } = await engine.fn(['logs', 'talks', '--since', '1h'])
    expect(stdout).toMatch(/START RequestId[^]*\tINFO\theard 1\nEND[^]*REPORT/)
    expect(JSON.parse((await engine.fn(['logs', 'talks', '--json'])).stdout.split('\n')[0]!)).toHaveProperty('time')
    const following = engine.start(['logs', 'talks', '-f'])
    try {
      await following.printed(/heard 1/)
      await engine.fn(['invoke', 'talks', '-d', '2'])
      await following.printed(/heard 2/)
    } finally {
      await following.stop()
    }
    expect((await engine.fn(['logs', 'nobody'])).stderr).toContain('not found')
  })

  it('list and delete', async () => {
    await folder('listed', { 'index.js': 'exports.handler = async () => 1' })
    await engine.fn(['deploy', 'listed'])
    await engine.fn(['invoke', 'listed'])
    expect((await engine.fn(['list'])).stdout).toMatch(/^NAME .*CALLS +ERRORS +COST\n[^]*^listed .* 1 +0 +\$0\.0000/m)
    const all = JSON.parse((await engine.fn(['list', '--json'])).stdout) as { name: string; use: object }[]
    expect(all.find(({ name }) => name === 'listed')).toMatchObject({ runtime: OWN_RUNTIME, use: { invocations: 1 } })
    expect((await engine.fn(['delete', 'listed'])).stderr).toBe('listed is deleted\n')
    expect(await engine.fn(['delete', 'listed'])).toMatchObject({ status: 1 })
  })

  it('tell what this host supports', async () => {
    const { status, stdout } = await engine.fn(['doctor', '-c', 'sekisho.yaml'])
    expect(stdout).toContain('driver process: can be used, chosen by sekisho.yaml')
    expect(stdout).toContain(`${engine.address} serves`)
    expect(status).toBe(0)
    const { drivers, works } = JSON.parse((await engine.fn(['doctor', '--json'])).stdout) as {
      drivers: { driver: string }[]
      works: boolean
    }
    expect(works).toBe(true)
    expect(drivers.map(({ driver }) => driver)).toEqual(['process', 'sandbox', 'oci', 'microvm'])
  })

  it('ends with 1 when the driver cannot be used', async () => {
    await writeFile(join(engine.folder, 'microvm.yaml'), 'listen: [0]\nfunctions: { driver: microvm }\n')
    const { status, stdout } = await engine.fn(['doctor', '-c', 'microvm.yaml'])
    expect(stdout).toContain('The driver microvm cannot be used here')
    expect(status).toBe(1)
  })
})

it('signs when there are keys, and says so when they are needed', async () => {
  const strict = await FunctionEngine.start('keys: [{ access_key_id: AKIA, secret_access_key: secret }]')
  const keys = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'secret' }
  const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }
  try {
    expect((await strict.fn(['list'], { env: none })).stderr).toMatch(
      /put a key of "functions\.keys" into AWS_ACCESS_KEY_ID/,
    )
    const wrong = { ...keys, AWS_SECRET_ACCESS_KEY: 'other' }
    expect((await strict.fn(['list'], { env: wrong })).stderr).toContain('must be one of "functions.keys"')
    await writeFile(join(strict.folder, 'index.js'), ECHO.replace('export async', 'exports.handler = async'))
    const deployed = await strict.fn(['deploy', '.', '--name', 'signed', '--alias', 'a'], { env: keys })
    expect(deployed.stderr).toBe('')
    expect((await strict.fn(['invoke', 'signed:a', '-d', '1'], { env: keys })).stdout).toBe('1\n')
    expect((await strict.fn(['logs', 'signed'], { env: keys })).stdout).toContain('got 1')
  } finally {
    await strict.stop()
  }
})
