import { mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PackageProblem } from '../package-problem.ts'
import { rawZip, type RawEntry } from '../testing/raw-zip.ts'
import { unpackZip } from './unpack-zip.ts'
import { openZip } from './zip-bytes.ts'
import { listZip } from './zip-listing.ts'

const SEED = Number(process.env['SEKISHO_SEED'] ?? Date.now() % 1e9)
const ROUNDS = Number(process.env['SEKISHO_ROUNDS'] ?? 400)

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

// Each entry from a small set of names, so that they meet; then some bytes of the whole are changed.
it(`never writes outside, never throws, never takes what it should not (seed ${SEED})`, async () => {
  const next = random(SEED)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!
  const part = () => pick(['a', 'b', 'c', '..', '.', '', 'bootstrap'])
  const path = () => Array.from({ length: 1 + Math.floor(next() * 3) }, part).join('/')
  const entry = (): RawEntry => {
    const kind = next()
    if (kind < 0.3) return { name: path(), content: path(), unixMode: 0o120777 }
    if (kind < 0.4) return { name: `${path()}/`, unixMode: 0o040755 }
    return {
      name: path(),
      content: 'x'.repeat(Math.floor(next() * 50)),
      method: pick([0, 8, 8, 8, 9]),
      ...(next() < 0.05 ? { declaredSize: Math.floor(next() * 60) } : {}),
      ...(next() < 0.5 ? { unixMode: pick([0o100755, 0o100644, 0o100000, 0o104755]) } : {}),
    }
  }
  let taken = 0
  for (let round = 0; round < ROUNDS; round++) {
    const zip = rawZip(Array.from({ length: 1 + Math.floor(next() * 4) }, entry))
    for (let flips = next() < 0.5 ? 0 : Math.floor(next() * 4); flips > 0; flips--)
      zip[Math.floor(next() * zip.length)] = Math.floor(next() * 256)
    const outer = mkdtempSync(join(tmpdir(), 'sekisho-fuzz-'))
    const folder = mkdtempSync(join(outer, 'package-'))
    try {
      const bytes = await openZip(zip)
      if (bytes instanceof PackageProblem) continue
      const listing = await listZip(bytes)
      if (listing instanceof PackageProblem) continue
      const problem = await unpackZip(bytes, listing, folder)
      if (problem === undefined) taken++
      for (const item of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const at = join(item.parentPath, item.name)
        expect(item.isFile() || item.isDirectory() || item.isSymbolicLink(), `round ${round}`).toBe(true)
        if (item.isFile() && problem === undefined) expect(statSync(at).mode & 0o7222, `round ${round}`).toBe(0)
        let real: string | undefined
        try {
          real = realpathSync(at)
        } catch {
          // Points to what is not there.
        }
        if (real !== undefined)
          expect(`${real}/`.startsWith(`${folder}/`), `round ${round}: ${at} is ${real}`).toBe(true)
      }
      expect(readdirSync(outer), `round ${round}`).toHaveLength(1)
    } finally {
      rmSync(outer, { recursive: true })
    }
  }
  expect(taken).toBeGreaterThan(ROUNDS / 50)
}, 60_000)
