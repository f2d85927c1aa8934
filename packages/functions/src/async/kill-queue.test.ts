import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const CHILD = fileURLToPath(new URL('testing/kill-queue.mjs', import.meta.url))
const ROUNDS = Number(process.env['SEKISHO_ROUNDS'] ?? 5)

test('kill -9 loses no event that was acknowledged', { timeout: 20_000 + ROUNDS * 3_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-queue-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [file, runs] = [join(folder, 'state'), join(folder, 'runs')]
  const acknowledged: string[] = []

  for (let round = 1; round <= ROUNDS; round++) {
    const child = spawn(process.execPath, [CHILD, file, runs, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    // So that it dies at another place each time: after a number of acknowledgements, wherever it is then.
    const enough = 40 * round ** 2
    let text = ''
    for await (const chunk of child.stdout) {
      text += String(chunk)
      if (text.split('\n').length > enough) child.kill('SIGKILL')
    }
    expect((await ended)[1]).toBe('SIGKILL')
    acknowledged.push(...text.split('\n').slice(0, -1))
  }

  const last = spawn(process.execPath, [CHILD, file, runs, 'finish'], { stdio: ['ignore', 'inherit', 'inherit'] })
  expect(await once(last, 'exit')).toEqual([0, null])
  const ran = new Map<string, number>()
  for (const id of readFileSync(runs, 'utf8').trimEnd().split('\n')) ran.set(id, (ran.get(id) ?? 0) + 1)
  expect(acknowledged.length).toBeGreaterThan(1_000)
  expect(acknowledged.filter((id) => !ran.has(id))).toEqual([])
  // Three tries of what fails, and perhaps some more of what was running when the process died.
  expect(acknowledged.filter((id) => id.endsWith('3') && ran.get(id)! < 3)).toEqual([])
})
