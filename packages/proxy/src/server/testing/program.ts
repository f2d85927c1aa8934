import { existsSync, writeSync } from 'node:fs'
import { Server } from '../server.ts'
import type { ServerLogger } from '../logger.ts'
import type { ServerOptions } from '../options.ts'
import type { WorkerContext } from '../worker-context.ts'
import { httpApplication } from './http-application.ts'

/** What a test sets in the environment variable PROGRAM, as JSON. */
export interface ProgramSettings {
  /** What JSON can carry of it. */
  readonly options?: ServerOptions
  readonly listen?: readonly (string | number)[]
  readonly control?: string
  /** The control hook throws while this file exists. */
  readonly failFile?: string
  /** Whether the control hook handles SIGHUP itself. */
  readonly handleReload?: boolean
}

/** A program as a user would write it, which tells its test by lines of JSON on standard output what happens. */
const settings = JSON.parse(process.env['PROGRAM'] ?? '{}') as ProgramSettings
const tell = (event: string, fields: object = {}): void => {
  writeSync(1, `${JSON.stringify({ event, pid: process.pid, ...fields })}\n`)
}
const logger: ServerLogger = {
  info: (message) => tell('log', { level: 'info', message }),
  warn: (message) => tell('log', { level: 'warn', message }),
  error: (message) => tell('log', { level: 'error', message }),
}

function application(worker: WorkerContext) {
  let broadcast: unknown
  worker.onMessage((message) => {
    broadcast = message
    worker.post('heard')
  })
  worker.onStop(() => tell('worker-stopped', { index: worker.index }))
  return httpApplication((request, response) => {
    if (request.url === '/crash') throw new Error('crashed by a request')
    if (request.url === '/oom') for (const hoard: unknown[] = []; ;) hoard.push({ hoard: [Math.random()] })
    if (request.url === '/broadcast') worker.post('please broadcast')
    request.resume().on('end', () => {
      const { index, generation, count, data } = worker
      const counter = Atomics.add(new Int32Array(worker.shared['counter']), 0, 1) + 1
      response.end(JSON.stringify({ pid: process.pid, index, generation, count, data, counter, broadcast }))
    })
    if (request.url === '/held') tell('held')
  })
}

const server = new Server({ ...settings.options, logger, onReady: (info) => tell('ready', info) })
for (const address of settings.listen ?? ['127.0.0.1:0']) server.listen(address, application)
if (settings.control !== undefined) server.listenOnControl('status', settings.control)
server.control(async (control) => {
  if (settings.failFile !== undefined && existsSync(settings.failFile)) throw new Error('told to fail')
  control.shared['counter'] = new SharedArrayBuffer(4)
  control.workerData = { role: process.env['SEKISHO_SERVER_ROLE'] ?? 'deleted', processGeneration: control.generation }
  control.onMessage((message, index) => {
    if (message === 'please broadcast') control.broadcast(`from ${index}`)
    else tell('message', { message, index })
  })
  control.onWorkerStart((index, generation) => tell('worker-start', { index, generation }))
  control.onWorkerExit((index, generation) => tell('worker-exit', { index, generation }))
  if (settings.handleReload === true) control.onReload(() => tell('reload'))
  control.onReopenLogs(() => tell('reopen-logs'))
  control.onStop(() => tell('control-stopped'))
  const endpoint = control.endpoints['status']
  control.onDrain(() => tell('drain'))
  if (endpoint === undefined) return
  const status = await httpApplication((_, response) => response.end(`control ${control.generation}`)).serve(endpoint)
  control.onDrain(() => status.stopAccepting())
})
await server.run()
tell('run-resolved')
