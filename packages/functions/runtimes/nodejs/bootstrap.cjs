'use strict'
// The Node.js runtime: what runs in the sandbox of a function whose runtime is `nodejs…`. Plain JavaScript without dependencies that loads
// only what is needed, since each file costs the cold start.
const { logError, patchConsole } = require('./console.cjs')
const { callbacks, HIGH_WATER_MARK, loadHandler, STREAMING } = require('./handler-loader.cjs')
const { InvocationLoop } = require('./invocation-loop.cjs')
const { InvokeStore } = require('./invoke-store.cjs')

/** As AWS's runtimes end after an error that nobody caught. */
const REJECTION_STATUS = 128
const EXCEPTION_STATUS = 129

const { env } = process
const severalAtOnce = env.AWS_LAMBDA_MAX_CONCURRENCY !== undefined
const store = new InvokeStore(
  callbacks() ? undefined : '-',
  severalAtOnce ? new (require('node:async_hooks').AsyncLocalStorage)() : undefined,
)

const noGlobal = ['1', 'true'].includes(env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)
if (!noGlobal) {
  globalThis.awslambda = {
    InvokeStore: store,
    streamifyResponse(handler, options) {
      handler[STREAMING] = 'response'
      if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark)
      return handler
    },
    get HttpResponseStream() {
      return require('./streaming.cjs').HttpResponseStream
    },
  }
}
patchConsole(store)

// The engine takes the connection while the handler's modules load.
const loops = Array.from(
  { length: severalAtOnce ? Math.max(1, Number(env.AWS_LAMBDA_MAX_CONCURRENCY) || 1) : 1 },
  () => new InvocationLoop(env.AWS_LAMBDA_RUNTIME_API, store, !severalAtOnce),
)
let ready = false

process.on('uncaughtException', (error) => end('Uncaught Exception', error, EXCEPTION_STATUS))
process.on('unhandledRejection', (reason) => {
  const { UnhandledPromiseRejection } = require('./failure.cjs')
  end('Unhandled Promise Rejection', new UnhandledPromiseRejection(reason), REJECTION_STATUS)
})

try {
  const handler = loadHandler(env.LAMBDA_TASK_ROOT, env._HANDLER)
  if (handler instanceof Promise) handler.then(start, initFailed)
  else start(handler)
} catch (error) {
  initFailed(error)
}

function start(handler) {
  ready = true
  for (const loop of loops) loop.start(handler)
}

function initFailed(error) {
  end('Init Error', error, 1)
}

/** Whoever waits is told why, then the process ends. */
function end(what, error, status) {
  const exit = () => process.exit(status)
  if (!ready) {
    logError(what, error)
    loops[0].initFailed(error, exit)
    return
  }
  const busy = loops.filter((loop) => loop.current !== undefined)
  if (busy.length === 0) {
    logError(what, error)
    exit()
  }
  for (const loop of busy) loop.current.fail(error, exit, what)
}
