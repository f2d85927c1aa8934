// npm run fuzz:h2 -- --frames 10000000 --seed N
// npm run fuzz:h2 -- --seconds 60
// Conversations of HTTP/2, valid and mutated, with both sides of ours (packages/wire/src/testing/h2-fuzz.ts). Ends with status 1 after a
// crash, a broken rule, a hang or growing memory, and says the seed of the conversation: `--seed THAT --frames 1` shows it again.
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const root = fileURLToPath(new URL('..', import.meta.url))
/** A conversation takes about a millisecond. */
const HANG_MS = 20_000
/** Of the heap after a full collection, over what it was when all had been warm. */
const MAX_GROWTH_BYTES = 32 * 1_048_576
/** Frames between two looks at the memory; the first one is the measure for the others. */
const LOOK_EVERY = 500_000
const REPORT_MS = 1_000

if (isMainThread) supervise()
else await fuzz(workerData)

async function fuzz({ seed, frames, seconds }) {
  const { H2Fuzzer } = await import(new URL('../node_modules/.cache/sekisho/fuzz/testing/h2-fuzz.js', import.meta.url))
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  const fuzzer = new H2Fuzzer(seed)
  const started = performance.now()
  const until = started + seconds * 1_000
  let reported = started
  let look = LOOK_EVERY
  let base
  const measure = () => {
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const used = heapUsed + arrayBuffers
    base ??= used
    if (used - base > MAX_GROWTH_BYTES) throw new Error(`memory grew from ${megabytes(base)} to ${megabytes(used)}`)
    return used
  }
  const report = (done) => {
    const { conversations, requests, refused } = fuzzer
    const ms = performance.now() - started
    parentPort.postMessage({ done, frames: fuzzer.frames, conversations, requests, refused, ms, heap: measured, base })
  }
  let measured
  while (fuzzer.frames < frames && performance.now() < until) {
    await fuzzer.run()
    if (fuzzer.frames >= look) {
      look += LOOK_EVERY
      measured = measure()
    }
    if (performance.now() < reported + REPORT_MS) continue
    reported = performance.now()
    report(false)
  }
  if (fuzzer.frames > LOOK_EVERY) measured = measure()
  report(true)
}

function supervise() {
  const { values } = parseArgs({
    options: { frames: { type: 'string' }, seconds: { type: 'string' }, seed: { type: 'string' } },
  })
  const seconds = Number(values.seconds ?? Infinity)
  const frames = Number(values.frames ?? (values.seconds === undefined ? 10_000_000 : Infinity))
  const seed = Number(values.seed ?? randomInt(2 ** 31))
  if (![seconds, frames, seed].every((value) => value >= 0)) {
    console.error('--frames, --seconds and --seed take numbers')
    process.exit(2)
  }
  execFileSync(
    process.execPath,
    [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}packages/wire/tsconfig.fuzz.json`],
    {
      stdio: 'inherit',
    },
  )
  console.log(`seed ${seed}, ${frames === Infinity ? `${seconds} s` : `${frames.toLocaleString('en')} frames`}`)
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { seed, frames, seconds } })
  let last = { frames: 0, conversations: 0 }
  let watch
  const alive = () => {
    clearTimeout(watch)
    watch = setTimeout(() => {
      console.error(
        `\nhangs: no sign of life for ${HANG_MS / 1_000} s after the conversation of seed ${seed + last.conversations}`,
      )
      process.exit(1)
    }, HANG_MS)
  }
  alive()
  worker.on('message', (progress) => {
    last = progress
    alive()
    show(progress, frames, seconds)
    if (!progress.done) return
    clearTimeout(watch)
    console.log('\nno crash, no hang, no growth')
  })
  worker.on('error', (error) => {
    console.error(`\n${error.message}\nrun with --seed ${/seed (\d+)/.exec(error.message)?.[1] ?? seed} --frames 1`)
    process.exit(1)
  })
}

function show({ frames, conversations, requests, refused, ms, heap, base }, most, seconds) {
  const part = Math.min(1, Math.max(frames / most, ms / 1_000 / seconds))
  const bar = '#'.repeat(Math.round(20 * part)).padEnd(20, '.')
  const rate = Math.round(frames / (ms / 1_000)).toLocaleString('en')
  const memory = heap === undefined ? '' : `, memory ${megabytes(base)} then, ${megabytes(heap)} now`
  const line = `[${bar}] ${frames.toLocaleString('en')} frames, ${rate}/s, ${conversations.toLocaleString('en')} conversations (${refused.toLocaleString('en')} refused), ${requests.toLocaleString('en')} requests${memory}`
  if (process.stdout.isTTY) process.stdout.write(`\r${line}`)
  else if (part === 1 || Math.floor(ms / 10_000) !== Math.floor((ms - REPORT_MS) / 10_000)) console.log(line)
}

function megabytes(bytes) {
  return `${(bytes / 1_048_576).toFixed(1)} MB`
}
