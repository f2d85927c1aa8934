import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buffer } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { PackageLibrary } from '../packages/package-library.ts'
import { DirectoryPackageStore } from '../packages/stores/directory-package-store.ts'
import { LmdbState } from '../state/lmdb-state.ts'
import { CatalogHarness } from './testing/catalog-harness.ts'

const SEED = Number(process.env['SEKISHO_SEED'] ?? Date.now() % 1e9)
const KILLS = Number(process.env['SEKISHO_ROUNDS'] ?? 8)

/** mulberry32 */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** By function: the last deploy that was begun, and the last that was acknowledged. */
interface Seen {
  readonly asked: Map<string, number>
  readonly acknowledged: Map<string, number>
  highest: number
}

const SCRIPT = fileURLToPath(new URL('./testing/deploy-forever.mjs', import.meta.url))

/** Runs until so many deploys were acknowledged, and a bit longer. */
function deployUntilKilled(directory: string, seen: Seen, acks: number, delayMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SCRIPT, directory, String(seen.highest + 1)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let count = 0
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [word, name, number] = line.split(' ')
      if (word === 'ask') {
        seen.asked.set(name!, Number(number))
        seen.highest = Math.max(seen.highest, Number(number))
      }
      if (word === 'ack') seen.acknowledged.set(name!, Number(number))
      if (word !== 'ask' && count++ === acks) setTimeout(() => child.kill('SIGKILL'), delayMs)
    })
    child.once('close', (code, signal) =>
      signal === 'SIGKILL' ? resolve() : reject(new Error(`it ended with ${signal ?? code}`)),
    )
  })
}

it(`loses no acknowledged deploy when it is killed (seed ${SEED})`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sekisho-kill-'))
  const next = random(SEED)
  const seen: Seen = { asked: new Map(), acknowledged: new Map(), highest: 0 }
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      await deployUntilKilled(directory, seen, Math.floor(next() * 20), next() * 20)
      await check(directory, seen)
    }
    expect(seen.acknowledged.size).toBe(3)
  } finally {
    await rm(directory, { recursive: true })
  }
}, 120_000)

async function check(directory: string, seen: Seen): Promise<void> {
  const store = new DirectoryPackageStore(join(directory, 'zips'))
  const packages = new PackageLibrary({ directory, store })
  await packages.open()
  const harness = await CatalogHarness.create({ state: await LmdbState.open(join(directory, 'state.mdb')), packages })
  try {
    for (const [name, number] of seen.acknowledged) {
      const { function: fn } = harness.catalog.resolve(name, undefined)
      const [, found] = /# (\d+)\n/.exec(await readFile(join(fn.taskDirectory, 'bootstrap'), 'utf8')) ?? []
      expect([number, seen.asked.get(name)], `the code of ${name}`).toContain(Number(found))
      for (let index = 0; index < 20; index++)
        expect((await readFile(join(fn.taskDirectory, 'lib', String(index)))).length).toBe(index * 997)
      expect(harness.catalog.prepare({ function: fn, invokedArn: '' })).toBeUndefined()
    }
    for (const sha256 of await store.list()) {
      const kept = await buffer((await store.open(sha256))!.stream)
      expect(createHash('sha256').update(kept).digest('hex')).toBe(sha256)
    }
    expect(await readdir(join(directory, 'code', '.incoming'))).toEqual([])
  } finally {
    await harness.dispose()
  }
}
