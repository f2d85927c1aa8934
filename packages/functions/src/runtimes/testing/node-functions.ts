import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll } from 'vitest'
import type { DeployedFunction } from '../../model/deployed-function.ts'
import { Interpreters } from '../interpreters.ts'
import { deployedFunction } from './deployed-function.ts'
import type { FakeOutcome } from './fake-runtime-api.ts'
import { RunningRuntime, type RuntimeExit } from './run-runtime.ts'

export const node24 =
  process.env['SEKISHO_NODE24'] ?? (process.versions.node.startsWith('24.') ? process.execPath : undefined)
/** The runtime of the Node.js that runs the tests. */
export const own = `nodejs${process.versions.node.split('.', 1)[0]}.x`

let folder: string
let interpreters: Interpreters
let running: RunningRuntime | undefined
let count = 0

/** Makes a folder for functions before the tests of a file, and stops what a test started. */
export function useNodeFunctions(): void {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sekisho-nodejs-'))
    interpreters = await Interpreters.find(node24 === undefined ? {} : { 'nodejs24.x': node24 })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  afterEach(async () => {
    await running?.stop()
    running = undefined
  })
}

/** Starts a function of these files. */
export async function start(
  files: Record<string, string>,
  changes: Partial<DeployedFunction> = {},
): Promise<RunningRuntime> {
  const task = writeFiles(files)
  running = await RunningRuntime.start(deployedFunction(task, { runtime: own, ...changes }), { interpreters })
  return running
}

/** @returns the folder they are in */
export function writeFiles(files: Record<string, string>): string {
  const task = join(folder, String(count++))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(task, name)), { recursive: true })
    writeFileSync(join(task, name), text)
  }
  return task
}

export const js = (text: string): Record<string, string> => ({ 'index.js': text })

export const bodyOf = (outcome: FakeOutcome | RuntimeExit): unknown =>
  outcome.kind === 'exit' ? outcome : (JSON.parse(outcome.body.toString()) as unknown)
