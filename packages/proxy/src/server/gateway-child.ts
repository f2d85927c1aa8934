import { spawn } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import type { BoundListener } from './bind.ts'
import { layOut } from './descriptors.ts'
import { readGatewayMessage, wrap } from './messages.ts'
import { ROLE_VARIABLE } from './roles.ts'
import type { GatewayAssignment } from './roles.ts'
import type { GatewayEvents, GatewayProcess } from './supervisor.ts'

export interface GatewayCommand {
  /** The path that Node is given to run. */
  readonly script: string
  /** Flags of node, before the script. */
  readonly flags: readonly string[]
  /** Arguments of the script. */
  readonly args: readonly string[]
  readonly workers: number
  readonly spareDescriptors: number
  readonly graceMs: number
  readonly workerModule: URL | undefined
  readonly listeners: readonly BoundListener[]
  readonly controlListeners: readonly BoundListener[]
}

/** Starts a gateway process on duplicates of the listeners' descriptors. */
export function launchGateway(
  command: GatewayCommand,
  generation: number,
  events: GatewayEvents,
  kept: Readonly<Record<string, string>> = {},
  replaces = false,
): GatewayProcess {
  // No standard input: two processes live at once during an upgrade, and would steal each other's lines.
  const stdio: StdioOptions & unknown[] = ['ignore', 'inherit', 'inherit', 'ipc']
  const inherits = Object.keys(kept).length > 0
  const assignment: GatewayAssignment = {
    generation,
    workers: command.workers,
    graceMs: command.graceMs,
    listeners: layOut(stdio, command.listeners, command.workers + command.spareDescriptors),
    controlListeners: layOut(stdio, command.controlListeners, 1),
    ...(command.workerModule === undefined ? {} : { workerModule: command.workerModule.href }),
    ...(inherits ? { inherits } : {}),
    ...(replaces ? { replaces } : {}),
  }
  try {
    const child = spawn(process.execPath, [...command.flags, command.script, ...command.args], {
      stdio,
      env: { ...process.env, [ROLE_VARIABLE]: JSON.stringify(assignment) },
    })
    const launched = watch(child, events)
    if (inherits) launched.send({ type: 'kept', values: kept })
    return launched
  } catch (error) {
    // Out of memory, say. To the supervisor that is one more process that ended early, to be tried again later.
    process.nextTick(() => events.exited(`could not be started (${String(error)})`))
    return { pid: -1, send() {}, kill() {} }
  }
}

function watch(child: ChildProcess, events: GatewayEvents): GatewayProcess {
  let ended = false
  const exited = (how: string): void => {
    if (ended) return
    ended = true
    events.exited(how)
  }
  child.on('message', (value) => {
    const message = readGatewayMessage(value)
    if (message?.type === 'ready') events.ready()
    else if (message?.type === 'reloaded') events.reloaded()
    else if (message?.type === 'replace') events.replace(message.reason)
    else if (message?.type === 'keep') events.keep(message.name, message.value)
  })
  // 'error' also comes from a failed send or kill of a process that is going away: only one that never ran has no pid.
  child.on('error', (error) => {
    if (child.pid === undefined) exited(`could not be started (${error.message})`)
  })
  child.on('exit', (code, signal) => exited(signal === null ? `exited with code ${code}` : `was killed by ${signal}`))
  return {
    pid: child.pid ?? -1,
    send: (message) => {
      // The callback takes the error of a channel that closed meanwhile; 'exit' tells that story.
      if (child.connected) child.send(wrap(message), () => {})
    },
    kill: () => {
      child.kill('SIGKILL')
    },
  }
}
