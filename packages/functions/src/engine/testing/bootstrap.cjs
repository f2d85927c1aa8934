// A runtime of few words: does what the event says. `INIT` in its environment says how init goes.
const http = require('node:http')

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
let count = 0

function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { agent, hostname, port, method, path: `/2018-06-01/runtime/${path}`, headers },
      (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

async function answer(id, event) {
  switch (event.do) {
    case 'echo':
      return JSON.stringify({ ...event, count, pid: process.pid })
    case 'exit':
      process.exit(event.status)
      break
    case 'segfault':
      process.kill(process.pid, 'SIGSEGV')
      return new Promise(() => {})
    case 'hang':
      // A child that would survive if only the runtime were killed.
      if (event.child) require('node:child_process').spawn('sleep', ['1000'], { stdio: 'ignore' })
      return new Promise(() => {})
    case 'huge':
      return 'x'.repeat(7_000_000)
    case 'print':
      console.log(event.text)
      console.error('to stderr')
      return 'null'
    case 'eat': {
      const held = []
      for (;;) {
        held.push(Buffer.alloc(8 * 1024 * 1024, 1))
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
}

function stream(id) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        agent,
        hostname,
        port,
        method: 'POST',
        path: `/2018-06-01/runtime/invocation/${id}/response`,
        headers: { 'Lambda-Runtime-Function-Response-Mode': 'streaming', 'Content-Type': 'text/plain' },
      },
      (response) => response.resume().on('end', resolve),
    )
    request.on('error', reject)
    request.write('one ')
    setTimeout(() => request.end('two'), 20)
  })
}

setInterval(() => {}, 1_000_000)

async function main() {
  if (process.env.INIT === 'exit') process.exit(3)
  if (process.env.INIT === 'hang') return new Promise(() => {})
  if (process.env.INIT === 'error') {
    await call('POST', 'init/error', '{"errorType":"Runtime.Sad","errorMessage":"no"}', {
      'Lambda-Runtime-Function-Error-Type': 'Runtime.Sad',
    })
    process.exit(1)
  }
  for (;;) {
    const { headers, body } = await call('GET', 'invocation/next')
    const id = headers['lambda-runtime-aws-request-id']
    const event = JSON.parse(body)
    count++
    if (event.do === 'fail') {
      await call('POST', `invocation/${id}/error`, '{"errorType":"Sad","errorMessage":"no"}', {
        'Lambda-Runtime-Function-Error-Type': 'Function.Sad',
      })
    } else if (event.do === 'stream') await stream(id)
    else {
      const text = await answer(id, event)
      await call('POST', `invocation/${id}/response`, text)
    }
  }
}

void main()
