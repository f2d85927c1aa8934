import { resolve } from 'node:path'
import type { ReadyInfo } from '@sekisho/proxy/server'
import { say } from '../failure.ts'
import { servedAddresses } from '../served-addresses.ts'
import type { SupervisedEngine } from '../functions/engine/supervised-engine.ts'
import { readSettings } from './read-settings.ts'
import type { SupervisorSettings } from './settings.ts'

/** `sekisho start`: becomes the supervisor. Resolves when the gateway has stopped. */
export async function start(config: string | undefined): Promise<void> {
  stayUnoptimised()
  const read = readSettings(config)
  await supervise(read, (info, functions) => say(readyLine(info, read, functions)))
}

/**
 * Turns V8's optimising compiler off in this process, which does nothing that is worth it. On Node 20, resolving a few dozen modules
 * makes one function of Node's hot, and the compiler that is woken up for it stays: 51.5 MB become 47.7. On Node 24 it stays asleep, and
 * the module that is needed here would cost 0.5 MB. The gateway process is not touched: it gets the flags of the command line alone.
 */
function stayUnoptimised(): void {
  if (process.versions.node.startsWith('20.')) process.getBuiltinModule('node:v8').setFlagsFromString('--no-opt')
}

/** Serves what was read, in the foreground: the function engine first, if there is to be one. */
export async function supervise(
  { file, settings }: SupervisorSettings,
  onReady: (info: ReadyInfo, functions: string | undefined) => void,
): Promise<void> {
  const { startNode } = await import('@sekisho/gateway/node')
  const path = resolve(file)
  const engine = settings.functions && (await engineOf(path, settings.shutdown.grace_period * 1_000))
  try {
    const functions = await engine?.start()
    await startNode({ file: path, settings, onReady: (info) => onReady(info, functions) })
  } finally {
    await engine?.stop()
  }
}

async function engineOf(file: string, graceMs: number): Promise<SupervisedEngine> {
  const { SupervisedEngine } = await import('../functions/engine/supervised-engine.ts')
  return new SupervisedEngine(file, graceMs)
}

/** `serving sekisho.yaml on http://*:8080, metrics on http://127.0.0.1:9091/metrics, 2 workers (process 4711)`. */
export function readyLine(
  info: ReadyInfo,
  { file, settings }: SupervisorSettings,
  functions: string | undefined,
): string {
  const { gateway, metrics, admin } = servedAddresses(info, settings)
  const threads = `${info.workers} worker${info.workers === 1 ? '' : 's'}`
  const generation = info.generation === 1 ? '' : `, generation ${info.generation}`
  return [
    `serving ${file} on ${gateway.join(', ')}`,
    ...(metrics === undefined ? [] : [`metrics on ${metrics}`]),
    ...(admin === undefined ? [] : [`Admin API on ${admin}`]),
    ...(functions === undefined ? [] : [`functions on ${functions}`]),
    `${threads} (process ${info.gatewayPid}${generation})`,
  ].join(', ')
}
