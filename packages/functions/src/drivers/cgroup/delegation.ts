import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const CONTROLLERS = '+memory +cpu +pids'
/** Processes of the engine live there where version 2 wants no processes in a group that has groups. */
const ENGINE_LEAF = 'sekisho-engine'

export const DELEGATION_ADVICE =
  'run the engine as root, or in a group of its own: systemd-run --user --scope -p Delegate=yes sekisho …'

/**
 * Makes a group of version 2 fit to have groups with controllers below it.
 *
 * @param own folder of the group this process is in
 * @param mount root of the hierarchy, which root may use when `own` is shared with others
 * @returns the folder to make groups in
 * @throws Error with advice
 */
export function delegateControllers(own: string, mount: string): string {
  const folder = basename(own) === ENGINE_LEAF ? dirname(own) : own
  const refused = enable(folder)
  if (refused === undefined) return folder
  if (refused.code === 'EBUSY' && onlyOurs(folder)) {
    moveProcesses(folder, join(folder, ENGINE_LEAF))
    const still = enable(folder)
    if (still === undefined) return folder
  }
  // Root's group at the top, as container engines without systemd have it.
  if (process.getuid?.() === 0 && folder !== mount && enable(mount) === undefined) return mount
  throw new Error(`the cgroup ${folder} cannot be divided (${refused.code ?? refused.message}): ${DELEGATION_ADVICE}`)
}

/** @returns why not */
export function enable(folder: string): NodeJS.ErrnoException | undefined {
  try {
    writeFileSync(join(folder, 'cgroup.subtree_control'), CONTROLLERS, { flag: 'r+' })
    return undefined
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}

function processesIn(folder: string): readonly string[] {
  return readFileSync(join(folder, 'cgroup.procs'), 'latin1')
    .split('\n')
    .filter((pid) => pid !== '')
}

function onlyOurs(folder: string): boolean {
  return processesIn(folder).every((pid) => isOurs(pid))
}

function isOurs(pid: string): boolean {
  for (let ancestor = pid; ancestor !== '0' && ancestor !== '';) {
    if (ancestor === String(process.pid)) return true
    const status = `/proc/${ancestor}/status`
    ancestor = existsSync(status) ? (/^PPid:\s+(\d+)$/m.exec(readFileSync(status, 'latin1'))?.[1] ?? '') : ''
  }
  return false
}

function moveProcesses(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const pid of processesIn(from)) writeFileSync(join(to, 'cgroup.procs'), pid, { flag: 'r+' })
}
