// node scripts/kill-embedded.mjs [--writes 10000] [--kills 200] [--seed N]: kills a process with SIGKILL while it writes to an embedded
// store, again and again, and then looks at the store: every write that was acknowledged is there, in order; what else is there is at most
// the start of what was handed over and not yet acknowledged; nothing is half there. Needs a build.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { openEmbedded } from '../packages/gateway/dist/store/embedded/index.js'

const { values: given } = parseArgs({
  options: {
    writes: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    writer: { type: 'string' },
  },
})
const WRITES = Number(given.writes)
const KILLS = Number(given.kills)
const SEED = Number(given.seed)

/** Commits that are under way at a time: so that several share a transaction. */
const IN_FLIGHT = 6
const DOCUMENTS = 300

/** mulberry32. */
function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The nth commit (from 1; it makes revision n): some documents, some deleted, some large enough for pages of their own. */
function commitOf(n) {
  const next = random(SEED * 100_003 + n)
  const count = next() < 0.7 ? 1 : 2 + Math.floor(next() * 6)
  const writes = new Map()
  for (let index = 0; index < count; index++) {
    const key = `${next() < 0.8 ? 'routes' : 'upstreams'}/${Math.floor(next() * DOCUMENTS)}`
    const length = next() < 0.95 ? Math.floor(next() * 800) : Math.floor(next() * 60_000)
    writes.set(key, next() < 0.15 ? undefined : JSON.stringify({ n, index, padding: 'é'.repeat(length) }))
  }
  // Never without effect: each commit is one revision.
  writes.set('routes/counter', JSON.stringify({ n }))
  return [...writes].map(([key, value]) => ({ key, value }))
}

if (given.writer === undefined) await main()
else await write(given.writer)

/** The process that is killed: goes on where the store is, says what was acknowledged. */
async function write(path) {
  const store = await openEmbedded({ path })
  let next = (await store.snapshot()).revision + 1
  writeSync(1, `open ${next - 1}\n`)
  const one = async () => {
    while (next <= WRITES) {
      const n = next++
      // Before the commit: what is in the store without this line was never asked for.
      writeSync(1, `ask ${n}\n`)
      const { revision } = await store.commit(commitOf(n), [], { who: `writer ${n}`, from: '127.0.0.1' })
      if (revision !== n) throw new Error(`commit ${n} became revision ${revision}`)
      writeSync(1, `ack ${n}\n`)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
  await store.close()
}

async function main() {
  console.log(`${WRITES} writes, up to ${KILLS} kills, seed ${SEED}`)
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-kill-'))
  const path = join(folder, 'data')
  const next = random(SEED)
  const model = new Map()
  const seen = { kills: 0, whileOpening: 0, unacknowledged: 0, revision: 0 }
  try {
    for (let kills = 0; seen.revision < WRITES;) {
      // Half of the way of an even spread, so that kills are left for all of it.
      const after = Math.floor(next() * 2 * (WRITES / KILLS))
      const run = await runWriter(path, kills < KILLS ? { acks: after, delayMs: next() * 3 } : undefined)
      if (run.killed) kills++
      seen.kills = kills
      if (run.opened === undefined) seen.whileOpening++
      await check(path, model, seen, run)
    }
    console.log(
      `${seen.revision} writes are there, after ${seen.kills} kills (${seen.whileOpening} of them while the store was opened); ` +
        `${seen.unacknowledged} writes had reached the disk before they were acknowledged`,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @param kill undefined: until it is done */
function runWriter(path, kill) {
  return new Promise((resolve, reject) => {
    const options = ['--writes', String(WRITES), '--seed', String(SEED), '--writer', path]
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const run = { opened: undefined, asked: 0, acknowledged: 0, acks: 0, killed: false }
    const shoot = () => {
      run.killed = true
      child.kill('SIGKILL')
    }
    // Some before it has said anything: while it starts, or opens the store.
    if (kill !== undefined && kill.acks === 0) setTimeout(shoot, 40 + kill.delayMs * 40)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [word, number] = line.split(' ')
      if (word === 'open') run.opened = Number(number)
      if (word === 'ask') run.asked = Math.max(run.asked, Number(number))
      if (word === 'ack') {
        run.acknowledged = Math.max(run.acknowledged, Number(number))
        if (++run.acks === kill?.acks) setTimeout(shoot, kill.delayMs)
      }
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (signal === 'SIGKILL' && run.killed) resolve(run)
      else if (code === 0) resolve({ ...run, killed: false })
      else reject(new Error(`the writer ended with ${signal ?? code}`))
    })
  })
}

async function check(path, model, seen, { opened, asked, acknowledged }) {
  const store = await openEmbedded({ path })
  try {
    const { revision, documents } = await store.snapshot()
    if (opened !== undefined) assert(opened === seen.revision, `opened at ${opened}, it was ${seen.revision}`)
    assert(revision >= acknowledged, `write ${acknowledged} was acknowledged, the store is at ${revision}`)
    assert(revision <= Math.max(asked, seen.revision), `the store is at ${revision}, ${asked} were asked for`)
    seen.unacknowledged += Math.max(0, revision - Math.max(acknowledged, seen.revision))
    const entries = await store.history({ limit: revision - seen.revision })
    for (let n = seen.revision + 1; n <= revision; n++) applyTo(model, n, entries[revision - n])
    assert(documents.size === model.size, `${documents.size} documents, ${model.size} expected at ${revision}`)
    for (const [key, expected] of model) {
      const { value, createRevision, revision: last } = documents.get(key) ?? {}
      assert(isDeepStrictEqual({ value, createRevision, last }, expected), `${key} is not what was written`)
    }
    seen.revision = revision
  } finally {
    await store.close()
  }
}

/** Applies commit n to the model, and compares its entry of the history. */
function applyTo(model, n, entry) {
  assert(
    entry?.revision === n && entry.author?.who === `writer ${n}`,
    `the history of ${n} is that of ${entry?.revision}`,
  )
  const changes = []
  for (const { key, value } of commitOf(n)) {
    const before = model.get(key)
    if (before === undefined && value === undefined) continue
    changes.push({ key, before: before?.value, after: value })
    if (value === undefined) model.delete(key)
    else model.set(key, { value, createRevision: before?.createRevision ?? n, last: n })
  }
  assert(isDeepStrictEqual(entry.changes, changes), `the history of ${n} is not what was written`)
}

function assert(holds, message) {
  if (!holds) throw new Error(message)
}
