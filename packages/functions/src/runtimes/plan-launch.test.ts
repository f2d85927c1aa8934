import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SandboxLaunch, SandboxPaths } from '../drivers/driver.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import type { HostFacts } from './bootstrap-file.ts'
import { Interpreters } from './interpreters.ts'
import type { EnvironmentFacts } from './launch-plan.ts'
import { planLaunch } from './plan-launch.ts'
import { deployedFunction } from './testing/deployed-function.ts'
import { elf } from './testing/elf.ts'

const PATHS: SandboxPaths = {
  task: '/var/task',
  layers: '/opt',
  runtime: '/var/runtime',
  temporary: '/tmp',
  interpreter: '/var/lang/bin/node',
}
const FACTS: EnvironmentFacts = {
  runtimeApi: '127.0.0.1:9001',
  region: 'eu-west-1',
  initializationType: 'on-demand',
  logStream: '2026/11/20/[$LATEST]0123456789abcdef0123456789abcdef',
  credentials: undefined,
}
const HOST: HostFacts = { architecture: 'x64', exists: (path) => path === '/bin/sh', glibcMinor: () => 36 }

let root: string
let folder: string
let layers: string
let interpreters: Interpreters
let count = 0

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'sekisho-plan-'))
  interpreters = await Interpreters.find({}, { own: { path: process.execPath, major: '24' }, path: '', folder: root })
})
afterAll(() => rmSync(root, { recursive: true, force: true }))
beforeEach(() => {
  folder = join(root, String(count++), 'task')
  layers = join(folder, '../layers')
  mkdirSync(join(layers, 'extensions'), { recursive: true })
  mkdirSync(folder)
})

function program(path: string, content: string | Uint8Array, mode = 0o755): void {
  writeFileSync(path, content)
  chmodSync(path, mode)
}

const plan = (changes: Partial<DeployedFunction> = {}) =>
  planLaunch(deployedFunction(folder, changes), { interpreters, host: HOST })

function launch(changes: Partial<DeployedFunction>, paths = PATHS, facts = FACTS): SandboxLaunch {
  const planned = plan(changes)
  if ('errorType' in planned) throw new Error(planned.message)
  return planned.launch(paths, facts)
}

describe('provided', () => {
  const at = (name: string) => join(name === 'task' ? folder : layers, 'bootstrap')

  it('runs the bootstrap of the package before that of a layer', () => {
    program(at('layers'), '#!/bin/sh\n')
    const changes = { layersDirectory: layers }
    expect(launch(changes)).toMatchObject({
      command: ['/opt/bootstrap'],
      workingDirectory: '/var/task',
      companions: [],
    })
    program(at('task'), '#!/bin/sh\n')
    expect(launch(changes).command).toEqual(['/var/task/bootstrap'])
  })

  it.each<[string, string | Uint8Array | undefined, string]>([
    ['nothing', undefined, "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"],
    ['an empty file', '', 'fork/exec /var/task/bootstrap: exec format error (the file is empty)'],
    ['text', 'hello', 'exec format error (neither a Linux program nor a script: a script begins with #!/bin/sh)'],
    [
      'another machine',
      elf({ machine: 0xb7 }),
      'exec format error (it is built for arm64, and this host is x64: cargo build --release --target x86_64-unknown-linux-gnu, or GOOS=linux GOARCH=amd64 go build)',
    ],
    ['macOS', Buffer.from('cffaedfe00000000', 'hex'), 'it is built for macOS: build it for Linux'],
    ['Windows', 'MZ\0\0', 'it is built for Windows: build it for Linux'],
    [
      'a missing interpreter',
      '#!/usr/bin/nothing -x\n',
      'its first line asks for /usr/bin/nothing, which this host does not have',
    ],
    ['CR LF', '#!/bin/sh\r\n', 'its lines end in CR LF: save it with LF line ends'],
    [
      'musl without musl',
      elf({ loader: '/lib/ld-musl-x86_64.so.1' }),
      'its loader /lib/ld-musl-x86_64.so.1 is missing here: it needs musl: link it statically',
    ],
    [
      'a missing loader',
      elf({ loader: '/lib64/ld.so' }),
      'its loader /lib64/ld.so is missing here: link it statically',
    ],
    ['a newer glibc', elf({ strings: ['GLIBC_2.38'] }), "version `GLIBC_2.38' not found (this host has glibc 2.36"],
  ])('refuses %s', (_what, content, message) => {
    if (content !== undefined) program(at('task'), content)
    expect(plan()).toEqual({ errorType: 'Runtime.InvalidEntrypoint', message: expect.stringContaining(message) })
  })

  it.each([
    ['a script', '#!/bin/sh\n'],
    ['a static program', elf({})],
    ['a glibc that is there', elf({ strings: ['GLIBC_2.36'] })],
  ])('takes %s', (_what, content) => {
    program(at('task'), content)
    expect(launch({}).command).toEqual(['/var/task/bootstrap'])
  })

  it('has exactly the variables of the platform', () => {
    program(at('task'), '#!/bin/sh\n')
    expect(launch({ environment: { OWN: '1' } }).environment).toEqual({
      OWN: '1',
      AWS_ACCESS_KEY_ID: 'sekisho',
      AWS_SECRET_ACCESS_KEY: 'sekisho',
      AWS_SESSION_TOKEN: 'sekisho',
      AWS_REGION: 'eu-west-1',
      AWS_DEFAULT_REGION: 'eu-west-1',
      AWS_LAMBDA_FUNCTION_NAME: 'fn',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/fn',
      AWS_LAMBDA_LOG_STREAM_NAME: FACTS.logStream,
      AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001',
      AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
      AWS_XRAY_DAEMON_ADDRESS: '169.254.100.1:2000',
      _AWS_XRAY_DAEMON_ADDRESS: '169.254.100.1',
      _AWS_XRAY_DAEMON_PORT: '2000',
      LAMBDA_RUNTIME_DIR: '/var/runtime',
      LAMBDA_TASK_ROOT: '/var/task',
      LANG: 'en_US.UTF-8',
      TZ: ':UTC',
      PATH: '/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin',
      LD_LIBRARY_PATH: '/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib',
      _HANDLER: 'index.handler',
    })
  })

  it('lets a user set what is not reserved', () => {
    program(at('task'), '#!/bin/sh\n')
    const environment = { TZ: 'Asia/Tokyo', AWS_REGION: 'mine', _HANDLER: 'mine', LAMBDA_TASK_ROOT: 'mine' }
    expect(launch({ environment }).environment).toMatchObject({
      TZ: 'Asia/Tokyo',
      AWS_REGION: 'eu-west-1',
      _HANDLER: 'index.handler',
      LAMBDA_TASK_ROOT: '/var/task',
    })
  })

  it('knows credentials without a token, and the log format', () => {
    program(at('task'), '#!/bin/sh\n')
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b', sessionToken: undefined }
    const logging = { format: 'JSON', applicationLevel: 'WARN', systemLevel: undefined, group: 'g' } as const
    const { environment } = launch({ logging }, PATHS, { ...FACTS, credentials })
    expect(environment).toMatchObject({
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      AWS_LAMBDA_LOG_LEVEL: 'WARN',
      AWS_LAMBDA_LOG_GROUP_NAME: 'g',
    })
    expect(environment).not.toHaveProperty('AWS_SESSION_TOKEN')
  })

  it('starts extensions of layers with variables of their own', () => {
    program(at('task'), '#!/bin/sh\n')
    program(join(layers, 'extensions/one'), '#!/bin/sh\n')
    program(join(layers, 'extensions/README'), 'text', 0o644)
    const { companions } = launch({ layersDirectory: layers, environment: { OWN: '1' } })
    expect(companions.map(({ command }) => command)).toEqual([['/opt/extensions/one']])
    expect(companions[0]!.environment).toMatchObject({
      OWN: '1',
      AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001',
      AWS_REGION: 'eu-west-1',
    })
    const hidden = ['_HANDLER', 'LAMBDA_TASK_ROOT', 'AWS_LAMBDA_LOG_GROUP_NAME', 'AWS_XRAY_DAEMON_ADDRESS']
    for (const name of hidden) expect(companions[0]!.environment).not.toHaveProperty(name)
  })
})

describe('managed runtimes', () => {
  it('Node.js: its interpreter, a heap that fits, its paths', () => {
    expect(plan({ runtime: 'nodejs24.x' })).toMatchObject({
      interpreter: process.execPath,
      runtimeDirectory: expect.stringMatching(/packages\/functions\/runtimes\/nodejs$/),
    })
    const { command, environment } = launch({ runtime: 'nodejs24.x' })
    expect(command).toEqual([
      '/var/lang/bin/node',
      '--max-semi-space-size=12',
      '--max-old-space-size=231',
      '/var/runtime/bootstrap.cjs',
    ])
    expect(environment).toMatchObject({
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      NODE_PATH:
        '/opt/nodejs/node24/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task',
      PWD: '/var/task',
    })
  })

  it('a wrapper runs in front', () => {
    const environment = { AWS_LAMBDA_EXEC_WRAPPER: '/opt/wrapper' }
    expect(launch({ runtime: 'nodejs24.x', environment }).command.slice(0, 2)).toEqual([
      '/opt/wrapper',
      '/var/lang/bin/node',
    ])
    const paths = { ...PATHS, task: '/data/code', layers: '/data/layers' }
    expect(launch({ runtime: 'nodejs24.x', environment }, paths).command[0]).toBe('/data/layers/wrapper')
  })

  it('without a mount namespace all paths are the host’s', () => {
    const paths = {
      ...PATHS,
      task: '/data/code',
      layers: undefined,
      interpreter: '/usr/bin/node',
      runtime: '/lib/runtime',
    }
    const { environment, workingDirectory } = launch({ runtime: 'nodejs24.x' }, paths)
    expect(workingDirectory).toBe('/data/code')
    expect(environment).toMatchObject({
      LAMBDA_TASK_ROOT: '/data/code',
      LAMBDA_RUNTIME_DIR: '/lib/runtime',
      PATH: expect.stringMatching(/^\/usr\/bin:/),
      NODE_PATH: expect.stringContaining(':/lib/runtime:/data/code'),
    })
    expect(environment['PATH']).toContain(process.env['PATH'])
  })

  it('a runtime that is not here is refused with how to get it', () => {
    const problem = plan({ runtime: 'nodejs20.x' })
    expect(problem).toMatchObject({ errorType: 'Runtime.InvalidRuntime' })
    expect((problem as { message: string }).message).toMatch(
      /^no Node\.js 20 on this host: npm i node-\w+-\w+@20 where the engine is started, or set functions\.interpreters: \{ "nodejs20\.x": "\/path\/to\/node" \}; there is nodejs24 \(/,
    )
    expect(plan({ runtime: 'python3.12' })).toMatchObject({
      message: expect.stringContaining('install python3.12, or set'),
    })
    expect(plan({ runtime: 'ruby3.3' })).toMatchObject({ message: 'there is no runtime ruby3.3' })
  })
})

it('an image runs its own command with its own paths', () => {
  const image = {
    command: ['/lambda-entrypoint.sh', 'app.handler'],
    workingDirectory: '/app',
    environment: { PATH: '/img/bin', LAMBDA_TASK_ROOT: '/elsewhere', LANG: 'C' },
  }
  const started = launch({ runtime: undefined, packageType: 'Image', image, environment: { LANG: 'ja_JP.UTF-8' } })
  expect(started).toMatchObject({ command: image.command, workingDirectory: '/app' })
  expect(started.environment).toMatchObject({
    PATH: '/img/bin',
    LANG: 'ja_JP.UTF-8',
    LAMBDA_TASK_ROOT: '/var/task',
    AWS_REGION: 'eu-west-1',
  })
  expect(started.environment).not.toHaveProperty('LD_LIBRARY_PATH')
  const empty = { ...image, command: [] }
  expect(plan({ runtime: undefined, packageType: 'Image', image: empty })).toMatchObject({
    errorType: 'Runtime.InvalidEntrypoint',
  })
})
