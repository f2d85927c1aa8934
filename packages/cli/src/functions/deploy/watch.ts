import { basename } from 'node:path'
import { fail, say } from '../../failure.ts'
import type { FunctionClient } from '../api/function-client.ts'
import { deployOnce, packed, type Running } from './deploy.ts'
import type { DeployOptions } from './options.ts'
import { shortReport } from './report.ts'
import { WatchedFolders } from './watched-folders.ts'

/** A change of these may change everything: name, runtime, settings. */
const DECIDING = new Set(['function.yaml', 'function.yml', 'function.json', 'package.json', 'Cargo.toml', 'go.mod'])

/**
 * Deploys what is saved, one after the other, until a signal. What cannot be built or uploaded is told, and the next save is tried again.
 * @returns what was deployed last, still open
 */
export async function watchAndDeploy(
  client: FunctionClient,
  directory: string,
  options: DeployOptions,
  first: Running,
): Promise<Running> {
  let running = first
  let waiting: Set<string> | undefined
  let working: Promise<void> | undefined

  const work = async (): Promise<void> => {
    while (waiting !== undefined) {
      const files = [...waiting]
      waiting = undefined
      try {
        running = await again(client, directory, options, running, files)
        folders.add(running.builder.watched)
      } catch (error) {
        fail(error)
        process.exitCode = 0
      }
    }
    working = undefined
  }
  const folders = new WatchedFolders((files) => {
    waiting = new Set([...(waiting ?? []), ...files])
    working ??= work()
  })
  folders.add(running.builder.watched)
  say('watching; a saved file is deployed at once, Ctrl-C ends this')
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await working
  folders.close()
  return running
}

async function again(
  client: FunctionClient,
  directory: string,
  options: DeployOptions,
  running: Running,
  files: readonly string[],
): Promise<Running> {
  if (files.some((file) => DECIDING.has(basename(file)))) {
    const next = await deployOnce(client, directory, options)
    await running.builder.close()
    return next
  }
  const start = performance.now()
  const { zip } = await packed(running.builder)
  if (zip.sha256 === running.zip.sha256) return running
  const { name } = running.deployment
  await client.settled(await client.updateCode(name, zip.bytes))
  process.stdout.write(shortReport(name, files, performance.now() - start, new Date()))
  return { ...running, zip }
}
