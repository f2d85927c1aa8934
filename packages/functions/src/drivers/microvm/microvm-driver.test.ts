import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isRunning } from '../testing/is-running.ts'
import { recordSandbox, sandboxSpec } from '../testing/record-sandbox.ts'
import { GuestChannel } from './guest-channel.ts'
import { MicrovmDriver } from './microvm-driver.ts'

/**
 * A Firecracker that checks what it is asked as the real one does (methods, order, required members), writes it down, and at InstanceStart plays
 * the guest: fetches its order, connects to the Runtime API, and does what the command says.
 */
const FAKE = `#!${process.execPath}
const http = require('node:http'), net = require('node:net'), fs = require('node:fs')
const socket = process.argv[process.argv.indexOf('--api-sock') + 1]
const log = [], seen = {}
const required = {
  '/machine-config': ['vcpu_count', 'mem_size_mib'], '/boot-source': ['kernel_image_path'],
  '/drives/': ['drive_id', 'path_on_host', 'is_root_device'], '/vsock': ['guest_cid', 'uds_path'],
}
http.createServer((request, response) => {
  let text = ''
  request.on('data', (bytes) => (text += bytes))
  request.on('end', () => {
    const body = JSON.parse(text)
    const fault = (message) => { response.writeHead(400, { 'content-type': 'application/json' }); response.end(JSON.stringify({ fault_message: message })) }
    log.push(request.method + ' ' + request.url + ' ' + text)
    fs.writeFileSync(process.env.LOG ?? __dirname + '/log', log.join('\\n'))
    if (request.url === '/vm') {
      if (request.method !== 'PATCH' || !seen.started || !['Paused', 'Resumed'].includes(body.state)) return fault('bad state')
      response.writeHead(204); return response.end()
    }
    if (request.method !== 'PUT') return fault('Invalid request method and/or path')
    if (request.url === '/actions') {
      if (body.action_type !== 'InstanceStart' || seen.started) return fault('The requested operation is not supported')
      if (!seen['/boot-source']) return fault('Cannot start microvm without kernel configuration.')
      seen.started = true
      response.writeHead(204); response.end()
      return guest(seen['/vsock'].uds_path)
    }
    const kind = Object.keys(required).find((path) => request.url.startsWith(path))
    if (!kind || seen.started || required[kind].some((name) => body[name] === undefined)) return fault('Invalid request: ' + request.url)
    if (body.mem_size_mib !== undefined && body.mem_size_mib < 128) return fault('The memory size is invalid.')
    seen[kind] = body
    response.writeHead(204); response.end()
  })
}).listen(socket)
function guest(path) {
  const control = net.connect(path + '_9000')
  let text = ''
  control.on('data', (bytes) => {
    text += bytes
    const lines = text.split('\\n'); text = lines.pop()
    for (const line of lines) {
      const order = JSON.parse(line)
      if (order.terminate) { control.write('{"exit":{"status":7}}\\n'); continue }
      const [what] = order.launch.command
      const say = (output, value) => control.write(JSON.stringify({ output, base64: Buffer.from(value).toString('base64') }) + '\\n')
      if (what === 'print') { say('stdout', JSON.stringify(order)); say('stderr', 'err'); control.write('{"exit":{"status":3}}\\n') }
      if (what === 'connect') net.connect(path + '_9001').on('error', () => 0)
      if (what === 'memory') control.write('{"exit":{"signal":9,"outOfMemory":true}}\\n')
      if (what === 'nonsense') control.write('{"hello":1}\\n')
      if (what === 'panic') process.exit(1)
    }
  })
  control.on('error', () => 0)
}
`

let folder: string
let driver: MicrovmDriver

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sekisho-microvm-'))
  await writeFile(join(folder, 'firecracker'), FAKE)
  await writeFile(join(folder, 'mksquashfs'), '#!/bin/sh\necho "$1" > "$2"\n')
  for (const name of ['firecracker', 'mksquashfs']) await chmod(join(folder, name), 0o755)
  for (const name of ['kernel', 'rootfs', 'kvm']) await writeFile(join(folder, name), '')
  driver = new MicrovmDriver({
    dataDirectory: folder,
    firecracker: join(folder, 'firecracker'),
    makeSquashfs: join(folder, 'mksquashfs'),
    kernel: join(folder, 'kernel'),
    rootFileSystem: join(folder, 'rootfs'),
    kvm: join(folder, 'kvm'),
  })
  await driver.open()
})

afterEach(async () => {
  await driver.close()
  expect(await readdir(join(folder, 'microvm'))).not.toContain('machines')
  await rm(folder, { recursive: true })
})

const requests = async (): Promise<readonly string[]> => (await readFile(join(folder, 'log'), 'utf8')).split('\n')

test('a machine is made as Firecracker wants it, and told what to run', async () => {
  const record = recordSandbox(
    driver,
    sandboxSpec({ command: ['print'], cpus: 1.2, memoryMb: 256, layersDirectory: '/usr/lib', environment: { A: '1' } }),
  )
  expect(await record.exit).toEqual({ status: 3, signal: undefined, outOfMemory: false, failure: undefined })
  const made = await requests()
  expect(made.map((line) => line.split(' ', 2).join(' '))).toEqual([
    'PUT /machine-config',
    'PUT /boot-source',
    'PUT /drives/rootfs',
    'PUT /drives/folder0',
    'PUT /drives/folder1',
    'PUT /vsock',
    'PUT /actions',
  ])
  expect(made[0]).toContain('{"vcpu_count":2,"mem_size_mib":256,"smt":false}')
  const order = JSON.parse(record.text('stdout')) as {
    mounts: object
    temporaryMb: number
    launch: { environment: object }
  }
  expect(order).toMatchObject({ mounts: { '/dev/vdb': '/var/task', '/dev/vdc': '/opt' }, temporaryMb: 16 })
  expect(order.launch.environment).toMatchObject({ A: '1', API: '127.0.0.1:9001' })
  expect(record.text('stderr')).toBe('err')
})

test('the Runtime API, pausing, resuming and SIGTERM', async () => {
  const record = recordSandbox(driver, sandboxSpec({ command: ['connect'] }))
  await record.connection
  record.sandbox.freeze()
  await expect.poll(async () => (await requests()).at(-1)).toBe('PATCH /vm {"state":"Paused"}')
  record.sandbox.thaw()
  await expect.poll(async () => (await requests()).at(-1)).toBe('PATCH /vm {"state":"Resumed"}')
  record.sandbox.terminate()
  expect(await record.exit).toMatchObject({ status: 7 })
})

test('killing in any instant ends the machine', async () => {
  for (const wait of [0, 5, 30, 80]) {
    const record = recordSandbox(driver, sandboxSpec({ command: ['connect'] }))
    // Not a wait for something to happen: the kill shall hit every state.
    await new Promise((resolve) => setTimeout(resolve, wait))
    const { pid } = record.sandbox
    record.sandbox.kill()
    expect(await record.exit).toMatchObject({ signal: 'SIGKILL' })
    if (pid !== 0) expect(isRunning(pid)).toBe(false)
  }
})

test('out of memory, a guest that is broken, and a machine that ends', async () => {
  const run = (command: string, rest: object = {}): Promise<unknown> =>
    recordSandbox(driver, sandboxSpec({ command: [command], ...rest })).exit
  expect(await run('memory')).toMatchObject({ signal: 'SIGKILL', outOfMemory: true })
  expect(await run('nonsense')).toMatchObject({ failure: 'the guest sent a report that is none' })
  expect(await run('panic')).toMatchObject({ failure: 'firecracker ended with 1' })
  expect(await run('print', { memoryMb: 64 })).toMatchObject({
    failure: 'PUT /machine-config: The memory size is invalid.',
  })
  expect(await run('print', { network: 'egress' })).toMatchObject({
    failure: expect.stringMatching(/no network egress/),
  })
})

test('what is missing is said before anything is started', async () => {
  const bare = new MicrovmDriver({
    dataDirectory: folder,
    kvm: join(folder, 'none'),
    firecracker: join(folder, 'none'),
  })
  await expect(bare.open()).rejects.toThrow(
    /firecracker: not installed.*KVM: .*none: enable virtualization.*kernel image: not set/,
  )
})

test('whatever a guest sends is taken, refused, or ends the channel, and little of it is kept', () => {
  const seed = Date.now() % 1_000_000
  let state = seed
  const random = (below: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % below
  const parts = ['{"output":"stdout","base64":"aGk="}', '{"exit":{"status":1}}', '{"exit":{}}', '{', '}', '\n', 'null', '[]', '"', 'x'.repeat(70_000), '\0', '{"exit":null}'] // prettier-ignore
  for (let round = 0; round < 300; round++) {
    const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
    new GuestChannel(socket as Socket, { mounts: {}, temporaryMb: 1, launch: { command: [], environment: {}, workingDirectory: '/', companions: [] } }, {
      onOutput: (_stream, bytes) => expect(bytes.length, `seed ${seed}`).toBeLessThan(70_000),
      onExit: () => undefined,
      onFailure: (failure) => expect(failure).toMatch(/^the guest sent/),
    }) // prettier-ignore
    for (let count = random(20); count > 0; count--) {
      const part = parts[random(parts.length)]!
      socket.emit('data', part.slice(0, random(part.length + 1)) + (random(2) === 0 ? '\n' : ''))
    }
    socket.destroy()
  }
})
