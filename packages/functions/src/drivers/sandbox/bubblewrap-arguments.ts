import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { SandboxPaths, SandboxSpec } from '../driver.ts'
import { INSIDE_GID, INSIDE_UID } from '../launcher/launch-script.ts'
import { INTERPRETER_NAMES, LAUNCHER_PATH } from './root-folder.ts'

const TASK = '/var/task'
const LAYERS = '/opt'
const RUNTIME = '/var/runtime'
const TEMPORARY = '/tmp'
const LANGUAGE = '/var/lang'

/** Where the interpreter is inside: one of the host's /usr stays where it is, as that is there too. */
function interpreterInside(interpreter: string): string {
  if (interpreter.startsWith('/usr/')) return interpreter
  const name = INTERPRETER_NAMES.find((known) => basename(interpreter).startsWith(known)) ?? 'interpreter'
  return `${LANGUAGE}/bin/${name}`
}

export function pathsInside(spec: SandboxSpec): SandboxPaths {
  return {
    task: TASK,
    layers: spec.layersDirectory === undefined ? undefined : LAYERS,
    runtime: spec.runtimeDirectory === undefined ? undefined : RUNTIME,
    temporary: TEMPORARY,
    interpreter: spec.interpreter === undefined ? undefined : interpreterInside(spec.interpreter),
  }
}

export interface BubblewrapOptions {
  /** Of `makeRootFolder`. */
  readonly rootFolder: string
  /** Real root makes the mounts, and the launcher gives root up; else a user namespace comes first. */
  readonly asRoot: boolean
  /** The root folder's /dev has devices in it. */
  readonly devices: boolean
}

/**
 * Arguments of bwrap(1) for one sandbox. Everything is read-only but /tmp; nothing of the host is there but /usr. Each mount costs some
 * 0.2 ms of a cold start, so the root folder holds what is the same for all.
 */
export function bubblewrapArguments(spec: SandboxSpec, options: BubblewrapOptions): string[] {
  const { asRoot, rootFolder } = options
  const list = [
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    '--hostname',
    'sandbox',
    // Process 1 is the launcher; bubblewrap itself stays outside, where a function cannot read its arguments.
    '--as-pid-1',
    '--die-with-parent',
    '--new-session',
    '--clearenv',
    '--cap-drop',
    'ALL',
  ]
  if (spec.network !== 'host') list.push('--unshare-net')
  // For routes; the launcher gives it up.
  if (spec.network === 'egress') list.push('--cap-add', 'CAP_NET_ADMIN')
  if (asRoot) list.push('--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID')
  else list.push('--unshare-user', '--uid', String(INSIDE_UID), '--gid', String(INSIDE_GID))
  if (spec.rootDirectory === undefined) list.push('--ro-bind', rootFolder, '/', '--ro-bind', '/usr', '/usr')
  else list.push(...mountImage(spec.rootDirectory, rootFolder))
  if (spec.network === 'host') list.push('--ro-bind', '/etc/resolv.conf', '/etc/resolv.conf')
  list.push('--proc', '/proc')
  // It belongs to root, which no function is. Read-only, bubblewrap would make its devices unusable.
  if (options.devices) list.push('--dev-bind', join(rootFolder, 'dev'), '/dev')
  else list.push('--dev', '/dev', '--remount-ro', '/dev')
  list.push('--perms', '1777', '--size', String(spec.ephemeralStorageMb * 1_048_576), '--tmpfs', TEMPORARY)
  const { taskDirectory, layersDirectory, runtimeDirectory, interpreter } = spec
  // The task directory of an image is its root, or in it.
  if (spec.rootDirectory === undefined) list.push('--ro-bind', taskDirectory, TASK)
  if (layersDirectory !== undefined) list.push('--ro-bind', layersDirectory, LAYERS)
  if (runtimeDirectory !== undefined) list.push('--ro-bind', runtimeDirectory, RUNTIME)
  if (interpreter !== undefined) list.push(...mountInterpreter(interpreter))
  return [...list, '--', LAUNCHER_PATH]
}

/** Python finds its modules beside its executable, so they come along. */
function mountInterpreter(interpreter: string): readonly string[] {
  const inside = interpreterInside(interpreter)
  if (inside === interpreter) return []
  const modules = join(dirname(dirname(interpreter)), 'lib')
  const isPython = basename(interpreter).startsWith('python') && existsSync(modules)
  return [...(isPython ? ['--ro-bind', modules, `${LANGUAGE}/lib`] : []), '--ro-bind', interpreter, inside]
}

/** Folders of the image that the sandbox has of its own. */
const NOT_FROM_IMAGE = new Set(['proc', 'dev', 'tmp', 'sys', 'run'])

/** The folders of an image in a root of their own, as the image itself stays untouched and may lack mount points. */
function mountImage(image: string, rootFolder: string): readonly string[] {
  const list = ['--tmpfs', '/']
  for (const entry of readdirSync(image, { withFileTypes: true })) {
    if (NOT_FROM_IMAGE.has(entry.name)) continue
    const path = join(image, entry.name)
    list.push('--ro-bind', path, `/${entry.name}`)
  }
  list.push('--ro-bind', join(rootFolder, LAUNCHER_PATH), LAUNCHER_PATH)
  return list
}
