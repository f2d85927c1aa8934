import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
  type CreateFunctionCommandInput,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missingForSandbox, sandboxTitle } from '../drivers/testing/sandbox-support.ts'
import { rawZip } from '../packages/testing/raw-zip.ts'
import { startFunctions, type RunningFunctions } from './testing/start-functions.ts'
import { NODE_RUNTIME, zipOf } from './testing/zip-of.ts'

/** Runs whatever the event says, with what an attack on the Runtime API needs. */
const ATTACKER = `
const net = require('node:net')
const fs = require('node:fs')
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
const open = (bytes = '') => new Promise((resolve, reject) => {
  const socket = net.connect(Number(port), host, () => { socket.write(bytes); resolve(socket) })
  socket.on('error', reject)
})
const ask = async (method, path, body = '', headers = '') => {
  const socket = await open(method + ' /2018-06-01' + path + ' HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n' + headers + 'Content-Length: ' + Buffer.byteLength(body) + '\\r\\n\\r\\n' + body)
  let text = ''
  for await (const bytes of socket) text += bytes
  return { status: Number(text.slice(9, 12)), body: text.slice(text.indexOf('\\r\\n\\r\\n') + 4) }
}
const reach = (port, host) => new Promise((resolve) => {
  const socket = net.connect({ port, host, timeout: 500 })
  socket.once('connect', () => resolve('reached')).once('error', (error) => resolve(error.code)).once('timeout', () => resolve('no answer'))
})
const parts = { open, ask, reach, fs, os: require('node:os') }
exports.handler = async (event, context) =>
  new (Object.getPrototypeOf(async () => {}).constructor)('event', 'context', 'parts', event.code)(event, context, parts)
`
const SECRET = 'secret-of-the-victim-5f2c'
const MIB = 1_048_576

/** What a function that means ill tries on the platform as a whole; what it tries on its sandbox is tested with the driver. */
describe.skipIf(missingForSandbox !== '')(sandboxTitle('a hostile function on a whole platform'), () => {
  const data = mkdtempSync(join(tmpdir(), 'sekisho-hostile-platform-'))
  let functions: RunningFunctions
  let lambda: LambdaClient
  let code: Buffer

  beforeAll(async () => {
    functions = await startFunctions({ driver: 'sandbox', network: 'none', path: data })
    lambda = new LambdaClient({
      endpoint: functions.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      maxAttempts: 1,
    })
    code = await zipOf({ 'index.js': ATTACKER })
    await deploy('attacker', { Timeout: 30 })
    await deploy('victim', { Environment: { Variables: { SECRET } } })
    // Warm, so that there is something to be found.
    await attack(`parts.fs.writeFileSync('/tmp/mine', process.env.SECRET); return 1`, 'victim')
  })

  afterAll(async () => {
    lambda.destroy()
    await functions.stop()
    rmSync(data, { recursive: true, force: true })
  })

  const create = (FunctionName: string, more: Partial<CreateFunctionCommandInput> = {}) =>
    lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        Runtime: NODE_RUNTIME as 'nodejs22.x',
        Handler: 'index.handler',
        Role: 'arn:aws:iam::000000000000:role/r',
        Code: { ZipFile: code },
        MemorySize: 256,
        ...more,
      }),
    )
  const deploy = async (FunctionName: string, more: Partial<CreateFunctionCommandInput> = {}): Promise<void> => {
    await create(FunctionName, more)
    await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 10, minDelay: 0.02 }, { FunctionName })
  }
  const shell = async (FunctionName: string, bootstrap: string, Timeout = 1): Promise<void> =>
    deploy(FunctionName, {
      Runtime: 'provided.al2023',
      Code: { ZipFile: await zipOf({ bootstrap: `#!/bin/sh\n${bootstrap}\n` }) },
      Timeout,
    })
  const attack = async (script: string, FunctionName = 'attacker', event: object = {}) => {
    const Payload = JSON.stringify({ ...event, code: script })
    const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload }))
    const text = Buffer.from(answer.Payload ?? []).toString()
    return { failed: answer.FunctionError !== undefined, text, value: JSON.parse(text) as unknown }
  }
  const residentMb = (): number => process.memoryUsage().rss / MIB
  const victimWorks = async (): Promise<void> => {
    expect((await attack('return event.n', 'victim', { n: 7 })).value).toBe(7)
  }

  test('finds nothing of another function: code, environment, /tmp, processes', async () => {
    const { text } = await attack(`
      const found = []
      const look = (path) => { try { const text = parts.fs.readFileSync(path, 'latin1'); if (text.includes(event.secret.split('').reverse().join(''))) found.push(path) } catch {} }
      for (const pid of parts.fs.readdirSync('/proc')) if (/^\\d+$/.test(pid)) for (const file of ['environ', 'cmdline', 'maps']) look('/proc/' + pid + '/' + file)
      for (const folder of ['/tmp', '/var/task', '/opt', '/var/runtime', '/dev/shm', '/run', '/home', '/root', event.data]) {
        try { for (const file of parts.fs.readdirSync(folder, { recursive: true })) look(folder + '/' + file) } catch {}
      }
      return { found, folder: parts.fs.existsSync(event.data), processes: parts.fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).length }`, 'attacker', { secret: [...SECRET].toReversed().join(''), data }) // prettier-ignore
    expect(JSON.parse(text)).toEqual({ found: [], folder: false, processes: 2 })
  })

  test('reaches neither the control API nor another service of the host, by any address', async () => {
    const service = createServer((socket) => socket.end()).listen(0, '0.0.0.0')
    await once(service, 'listening')
    const ports = [Number(new URL(functions.endpoint).port), (service.address() as AddressInfo).port]
    const { value } = await attack(
      `const all = Object.values(parts.os.networkInterfaces()).flat().map(({ address }) => address)
       return Promise.all([...all, ...event.addresses].flatMap((address) => event.ports.map((port) => parts.reach(port, address))))`,
      'attacker',
      { ports, addresses: ['127.0.0.1', '0.0.0.0', '::1', '10.0.2.2', '169.254.169.254'] },
    )
    service.close()
    expect(value).not.toContain('reached')
  })

  test('has no say in any invocation but its own', async () => {
    const { value } = await attack(`
      const id = context.awsRequestId
      const other = id.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
      const again = await parts.ask('GET', '/runtime/invocation/next')
      return {
        other: await parts.ask('POST', '/runtime/invocation/' + other + '/response', '"forged"'),
        error: await parts.ask('POST', '/runtime/invocation/' + other + '/error', '{}'),
        nonsense: (await parts.ask('POST', '/runtime/invocation/../../x/response', '1')).status,
        init: (await parts.ask('POST', '/runtime/init/error', '{}')).status,
        own: JSON.parse(again.body).mark,
      }`, 'attacker', { mark: 'of this call' }) // prettier-ignore
    const invalid = { status: 400, body: expect.stringContaining('InvalidRequestID') as unknown }
    expect(value).toMatchObject({ other: invalid, error: invalid, init: 403, own: 'of this call' })
    expect((value as { nonsense: number }).nonsense).toBeGreaterThanOrEqual(400)
    await victimWorks()
  })

  test('that answers twice has given the first answer', async () => {
    const twice = `
      const answer = (text) => parts.ask('POST', '/runtime/invocation/' + context.awsRequestId + '/response', JSON.stringify(text))
      return [await answer('first'), await answer('second')]`
    expect((await attack(twice)).value).toBe('first')
    // Whatever became of its environment.
    expect((await attack('return 3')).value).toBe(3)
    await victimWorks()
  })

  test('that answers with 7 MB fails alone', async () => {
    const { failed, value } = await attack(`return 'x'.repeat(7 * 1024 * 1024)`)
    expect({ failed, value }).toMatchObject({ failed: true, value: { errorType: 'Function.ResponseSizeTooLarge' } })
    expect((await attack('return 4')).value).toBe(4)
  })

  test('that never asks for an event, or never answers it, ends at its timeout', async () => {
    await shell('deaf', 'exec sleep 1000')
    await shell(
      'mute',
      'curl -s "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" > /dev/null; exec sleep 1000',
    )
    const deaf = attack('', 'deaf')
    const mute = await attack('', 'mute')
    expect(mute).toMatchObject({ failed: true, value: { errorType: 'Sandbox.Timedout' } })
    expect(mute.text).toContain('Task timed out after 1.00 seconds')
    await victimWorks()
    // 10 s of init, and then once more within the timeout.
    expect(await deaf).toMatchObject({ failed: true, value: { errorType: 'Sandbox.Timedout' } })
  }, 20_000)

  test('cannot make the engine keep what it sends: heads and bodies that never end, and many connections', async () => {
    const before = residentMb()
    const slow = `
      const held = []
      const refused = []
      const keep = async (bytes) => { try { held.push(await parts.open(bytes)) } catch (error) { refused.push(error.code) } }
      for (let i = 0; i < 250; i++) await keep('GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nX: ' + 'a'.repeat(200_000))
      for (let i = 0; i < 250; i++) await keep('POST /2018-06-01/runtime/invocation/' + context.awsRequestId + '/response HTTP/1.1\\r\\nContent-Length: 6000000\\r\\n\\r\\n' + 'a'.repeat(1_000_000))
      await new Promise((resolve) => setTimeout(resolve, 500))
      return held.length`
    const answer = attack(slow)
    await pause(200)
    await victimWorks()
    await answer
    expect(residentMb() - before).toBeLessThan(200)
    await victimWorks()
  }, 30_000)

  test('that prints a gigabyte fills neither disk nor memory, and nobody waits for it', async () => {
    await deploy('loud', { Timeout: 60 })
    const before = residentMb()
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, residentMb())), 20)
    const printing = attack(
      `const line = 'x'.repeat(1024 * 1024) + '\\n'; for (let i = 0; i < 1000; i++) parts.fs.writeSync(1, line); return i`.replace(
        'return i',
        'return 1000',
      ),
      'loud',
    )
    const waited: number[] = []
    let done = false
    void printing.finally(() => (done = true))
    while (!done) {
      const since = performance.now()
      await victimWorks()
      waited.push(performance.now() - since)
      await pause(10)
    }
    expect((await printing).value).toBe(1000)
    clearInterval(watch)
    expect(most - before).toBeLessThan(250)
    const folder = join(data, 'logs/loud')
    const size = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
    // `logs.maxBytes` is 10 MB here; a file that is being filled and a batch come on top.
    expect(size).toBeLessThan(16_000_000)
    expect(waited.toSorted((a, b) => a - b)[Math.floor(waited.length / 2)]).toBeLessThan(250)
  }, 60_000)

  test('leaves no connection, process or descriptor behind when it is deleted', async () => {
    await deploy('short-lived')
    await attack('return 1', 'short-lived')
    const descriptors = readdirSync('/proc/self/fd').length
    await lambda.send(new DeleteFunctionCommand({ FunctionName: 'short-lived' }))
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBeLessThan(descriptors)
  })

  test('is refused as a bomb, with links, with paths that lead out, and with too many variables', async () => {
    const refusal = async (more: Partial<CreateFunctionCommandInput>): Promise<string> => {
      try {
        await create('refused', more)
        return 'taken'
      } catch (error) {
        return (error as Error).name
      }
    }
    const zipped = (...entries: Parameters<typeof rawZip>[0]) => ({ Code: { ZipFile: rawZip(entries) } })
    const outside = join(tmpdir(), `sekisho-outside-${process.pid}`)
    writeFileSync(outside, 'untouched')
    const bomb = Buffer.alloc(300 * MIB)
    expect({
      bomb: await refusal(zipped({ name: 'index.js', content: bomb })),
      liar: await refusal(zipped({ name: 'index.js', content: bomb, declaredSize: 10 })),
      overlapping: await refusal(
        zipped({ name: 'a', content: Buffer.alloc(100 * MIB) }, { name: 'b', sameDataAs: 0, declaredSize: 100 * MIB }, { name: 'c', sameDataAs: 0, declaredSize: 100 * MIB }), // prettier-ignore
      ),
      up: await refusal(zipped({ name: `../../../../../../../../${outside}`, content: 'overwritten' })),
      absolute: await refusal(zipped({ name: outside, content: 'overwritten' })),
      through: await refusal(
        zipped(
          { name: 'l', content: '/tmp', unixMode: 0o120777 },
          { name: `l/sekisho-outside-${process.pid}`, content: 'overwritten' },
        ),
      ),
      variables: await refusal({ Environment: { Variables: { BIG: 'x'.repeat(4_200) } } }),
    }).toEqual({
      bomb: 'InvalidParameterValueException',
      liar: 'InvalidParameterValueException',
      overlapping: 'InvalidParameterValueException',
      up: 'InvalidParameterValueException',
      absolute: 'InvalidParameterValueException',
      through: 'InvalidParameterValueException',
      variables: 'InvalidParameterValueException',
    })
    expect(readFileSync(outside, 'utf8')).toBe('untouched')
    rmSync(outside)
    expect(existsSync(join(data, 'refused'))).toBe(false)
  }, 30_000)

  test('whose package links to a file of the host sees its own', async () => {
    const links = rawZip([
      { name: 'index.js', content: ATTACKER },
      { name: 'passwd', content: '/etc/passwd', unixMode: 0o120777 },
      { name: 'state', content: join(data, 'state.mdb'), unixMode: 0o120777 },
    ])
    let taken = true
    await deploy('linked', { Code: { ZipFile: links } }).catch(() => (taken = false))
    if (!taken) return
    const { value } = await attack(
      `const read = (name) => { try { return parts.fs.readFileSync('/var/task/' + name, 'utf8') } catch (error) { return error.code } }
       return [read('passwd'), read('state')]`,
      'linked',
    )
    expect((value as string[])[0]).not.toBe(readFileSync('/etc/passwd', 'utf8'))
    expect((value as string[])[1]).toBe('ENOENT')
  })
})
