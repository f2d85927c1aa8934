import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import type { ControlContext } from './control-context.ts'
import { Server } from './server.ts'
import { httpApplication } from './testing/http-application.ts'
import { get } from './testing/launch.ts'
import type { WorkerContext } from './worker-context.ts'

const silent = { info() {}, warn() {}, error() {} }
const greeter = httpApplication((_, response) => response.end('hello'))

it('serves in this thread, and stops', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'inline-'))
  const path = join(folder, 'a.sock')
  const server = await new Server({ logger: silent }).listen('127.0.0.1:0', greeter).listen({ path }, greeter).start()
  expect(server.addresses.map((each) => each.key)).toEqual(['127.0.0.1:0', `unix:${path}`])
  const { port } = server.addresses[0].address as AddressInfo
  expect((await get(port)).body).toEqual({ text: 'hello' })
  expect((await get(path)).body).toEqual({ text: 'hello' })
  expect(await server.stop()).toBe(0)
  await server.stopped
  await expect(get(port)).rejects.toThrow('ECONNREFUSED')
  rmSync(folder, { recursive: true })
})

it('listens on every address', async () => {
  const server = await new Server({ logger: silent }).listen(0, greeter).start()
  const { port } = server.addresses[0].address as AddressInfo
  expect((await get(port)).status).toBe(200)
  await server.stop()
})

it('gives the control hook and the application the same life as with threads', async () => {
  const seen: string[] = []
  let control!: ControlContext
  const server = new Server({ logger: silent })
    .listenOnControl('status', '127.0.0.1:0')
    .control((context) => {
      control = context
      context.shared['table'] = new SharedArrayBuffer(8)
      context.workerData = { routes: 3 }
      context.onWorkerStart((index, generation) => seen.push(`start ${index} ${generation}`))
      context.onDrain(() => void seen.push('drain'))
      context.onWorkerExit((index) => seen.push(`exit ${index}`))
      context.onStop(() => void seen.push('control stop'))
    })
    .listen({ address: '127.0.0.1:0', options: { tls: true } }, (worker, listener) => {
      seen.push(`make ${listener.key} ${JSON.stringify(worker.data)} ${worker.shared['table'].byteLength}`)
      worker.onStop(() => void seen.push('worker stop'))
      return {
        serve: (target, options) => {
          seen.push(`serve ${JSON.stringify(options)}`)
          return greeter.serve(target)
        },
      }
    })
  const running = await server.run({ inline: true })
  expect(control.endpoints['status']).toEqual({ host: '127.0.0.1', port: 0 })
  await running.stop()
  expect(seen).toEqual([
    'start 0 1',
    'make 127.0.0.1:0 {"routes":3} 8',
    'serve {"tls":true}',
    'drain',
    'worker stop',
    'exit 0',
    'control stop',
  ])
})

it('copies messages, delivers them later, and keeps those that come before a listener', async () => {
  let control!: ControlContext
  let worker!: WorkerContext
  const server = new Server({ logger: silent })
    .control((context) => {
      control = context
    })
    .listen('127.0.0.1:0', (context) => {
      worker = context
      return greeter
    })
  const running = await server.start()
  const message = { n: 1 }
  control.broadcast(message)
  message.n = 2
  await new Promise(setImmediate)
  const received: unknown[] = []
  worker.onMessage((each) => received.push(each))
  expect(received).toEqual([{ n: 1 }])
  const answered = new Promise((resolve) => {
    control.onMessage((each, index) => resolve([each, index]))
  })
  worker.post('heard')
  expect(await answered).toEqual(['heard', 0])
  await running.stop()
})

it('closes what it opened when a later listener cannot be opened', async () => {
  const first = await new Server({ logger: silent }).listen('127.0.0.1:0', greeter).start()
  const { port } = first.addresses[0].address as AddressInfo
  let opened = 0
  const counted = httpApplication((_, response) => response.end())
  const second = new Server({ logger: silent })
    .listen('127.0.0.1:0', {
      async serve(target) {
        const listener = await counted.serve(target)
        opened = (listener.address as AddressInfo).port
        return listener
      },
    })
    .listen(`127.0.0.1:${port}`, greeter)
  await expect(second.start()).rejects.toThrow('EADDRINUSE')
  await expect(get(opened)).rejects.toThrow('ECONNREFUSED')
  await first.stop()
})

it('refuses what cannot work', async () => {
  await expect(new Server().start()).rejects.toThrow('there is nothing to listen on')
  expect(() => new Server().listen(8080).listen('*:8080')).toThrow('listen() was called twice for *:8080')
  expect(() => new Server().listenOnControl('a', 1).listenOnControl('a', 2)).toThrow('listens on "a" already')
  const server = new Server({ logger: silent }).listen('127.0.0.1:0', greeter)
  const running = await server.start()
  await expect(server.start()).rejects.toThrow('this server runs already')
  await running.stop()
  await expect(new Server().listen('127.0.0.1:0').start()).rejects.toThrow('nothing serves 127.0.0.1:0')
})
