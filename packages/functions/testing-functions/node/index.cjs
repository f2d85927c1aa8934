// The table of behaviours as a handler, for our runtime and for AWS's own client.
const { readFileSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')

const STREAMS = process.env.STREAMING === 'yes'
let calls = 0

const [wish, ms] = (process.env.INIT_DO ?? '').split(':')
if (wish === 'exit') process.exit(7)
if (wish === 'crash') process.abort()
if (wish === 'error') throw Object.assign(new Error('asked to fail'), { name: 'TestError' })
if (wish === 'sleep') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms))

const behaviours = {
  error() {
    throw Object.assign(new Error('asked to fail'), { name: 'TestError' })
  },
  crash: () => process.abort(),
  exit: () => process.exit(7),
  memory: takeMemory,
  async sleep(event) {
    await sleep(event.ms)
    return { slept: event.ms }
  },
  huge: () => 'x'.repeat(7_000_000),
  environment: () => ({ ...process.env }),
  write: () => ({ file: countInFile(), memory: calls }),
  log() {
    console.log('to stdout')
    process.stderr.write('to stderr\n')
  },
}

function takeMemory() {
  const held = []
  for (;;) held.push(Buffer.alloc(1 << 20, 1))
}

function countInFile() {
  const file = path.join(tmpdir(), 'count')
  let count = 1
  try {
    count += Number(readFileSync(file, 'utf8'))
  } catch {
    // The first time there is none.
  }
  writeFileSync(file, String(count))
  return count
}

async function answer(event) {
  calls++
  const behaviour = Object.hasOwn(behaviours, event?.do) ? behaviours[event.do] : undefined
  return behaviour === undefined ? event : behaviour(event)
}

/** A streaming handler cannot answer otherwise: it is one of its own. */
async function stream(_event, response) {
  response.setContentType('text/plain')
  for (const piece of ['one', 'two', 'three']) {
    response.write(piece)
    await sleep(5)
  }
  response.end()
}

exports.handler = STREAMS ? globalThis.awslambda.streamifyResponse(stream) : answer
