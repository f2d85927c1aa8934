// node kill-queue.mjs FILE RUNS ROUND: enqueues events into a queue over an LMDB file and prints each id that was acknowledged, until it is
// killed. Ids of events that ran are appended to RUNS. With ROUND `finish` it enqueues nothing and ends when the queue is empty.
import { openSync, writeSync } from 'node:fs'
import { LmdbState } from '../../../dist/state/lmdb-state.js'
import { DurableEventQueue } from '../../../dist/async/durable-event-queue.js'
import { Targets } from '../../../dist/async/targets/targets.js'

const [file, runs, round] = process.argv.slice(2)
const log = openSync(runs, 'a')
const arn = 'arn:aws:lambda:us-east-1:000000000000:function:echo'

const state = await LmdbState.open(file)
const queue = await DurableEventQueue.open({
  state,
  owner: 'local',
  targets: new Targets({}),
  reservedConcurrency: () => undefined,
  onProblem: (fields, message) => {
    throw new Error(`${message}: ${JSON.stringify(fields)}`)
  },
  catalog: {
    resolve: () => ({ function: { name: 'echo', version: '$LATEST', arn }, invokedArn: arn }),
    prepare: () => undefined,
    eventInvokeConfig: () => ({ maximumRetryAttempts: 2, maximumEventAge: 21_600 }),
  },
  engine: {
    // The first try of every third event fails; the next is due at once.
    invoke: ({ requestId }, sink) => {
      writeSync(log, `${requestId}\n`)
      const functionError = requestId.endsWith('3') ? 'Unhandled' : undefined
      setImmediate(() => sink.onResult({ payload: Buffer.from('null'), functionError, figures: {} }))
    },
  },
  settings: { retryDelays: [0, 1] },
})

if (round === 'finish') {
  while (queue.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await queue.close(1_000)
  await state.close()
} else {
  let n = 0
  const enqueueForEver = async () => {
    for (;;) {
      const requestId = `${round}-${++n}`
      const payload = Buffer.from(JSON.stringify({ padding: 'é'.repeat(n % 500) }))
      await queue.enqueue({ requestId, functionName: 'echo', invokedArn: arn, payload })
      writeSync(1, `${requestId}\n`)
    }
  }
  for (let i = 0; i < 20; i++) void enqueueForEver()
}
