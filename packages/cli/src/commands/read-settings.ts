import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { SilentFailure } from '../failure.ts'
import type { FunctionsOfFile, SupervisorSettings } from './settings.ts'

/** Runs `sekisho settings` and takes what it prints. What is wrong with the file has been said when this throws. */
export const readSettings = (config: string | undefined): SupervisorSettings => read(config, []) as SupervisorSettings

/** The same for what the function engine needs, secrets included. */
export const readFunctionsSettings = (config: string | undefined): FunctionsOfFile =>
  read(config, ['--functions']) as FunctionsOfFile

function read(config: string | undefined, more: readonly string[]): unknown {
  const args = [...(config === undefined ? [] : ['-c', config]), ...more]
  const { status, stdout, error } = spawnSync(process.execPath, [MAIN, 'settings', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  if (error !== undefined) throw error
  if (status !== 0) throw new SilentFailure('the configuration could not be read')
  return JSON.parse(stdout)
}

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))
