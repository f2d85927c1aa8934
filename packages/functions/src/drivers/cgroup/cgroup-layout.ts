import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CgroupMount } from './cgroup-mounts.ts'

/** The folders below which the groups of functions are made. The same folder may stand for several. */
export interface CgroupLayout {
  readonly kind: 'v1' | 'hybrid' | 'v2'
  readonly memory: string
  readonly cpu: string
  readonly pids: string
  /**
   * What freezes and kills. The tree of version 2 even where the controllers are in version 1: what version 1's freezer holds does not die
   * by SIGKILL until it is thawed.
   */
  readonly freezer: string
  readonly freezerVersion: 1 | 2
}

const CONTROLLERS = ['memory', 'cpu', 'pids'] as const

/** @returns what is missing, as text for people */
export function findCgroupLayout(mounts: readonly CgroupMount[]): CgroupLayout | string {
  const unified = mounts.find((mount) => mount.version === 2)
  if (unified !== undefined) {
    const available = controllersOf(unified.folder)
    if (CONTROLLERS.every((controller) => available.includes(controller))) {
      const { folder } = unified
      return { kind: 'v2', memory: folder, cpu: folder, pids: folder, freezer: folder, freezerVersion: 2 }
    }
  }
  const first = (controller: string): string | undefined =>
    mounts.find((mount) => mount.controllers.includes(controller))?.folder
  const [memory, cpu, pids, freezer] = [first('memory'), first('cpu'), first('pids'), first('freezer')]
  if (memory === undefined || cpu === undefined || pids === undefined) {
    const missing = CONTROLLERS.filter((controller) => first(controller) === undefined)
    return unified === undefined
      ? `no cgroup controller ${missing.join(', ')} is mounted`
      : `the cgroup ${unified.folder} has no controller ${missing.join(', ')}`
  }
  if (unified !== undefined) return { kind: 'hybrid', memory, cpu, pids, freezer: unified.folder, freezerVersion: 2 }
  if (freezer === undefined) return 'no cgroup controller freezer is mounted'
  return { kind: 'v1', memory, cpu, pids, freezer, freezerVersion: 1 }
}

function controllersOf(folder: string): readonly string[] {
  try {
    return readFileSync(join(folder, 'cgroup.controllers'), 'latin1').trim().split(' ')
  } catch {
    return []
  }
}

/** Each folder once. */
export function foldersOf(layout: CgroupLayout): readonly string[] {
  return [...new Set([layout.memory, layout.cpu, layout.pids, layout.freezer])]
}

/** Folders of the same group in each hierarchy. */
export function groupBelow(layout: CgroupLayout, name: string): CgroupLayout {
  return {
    ...layout,
    memory: join(layout.memory, name),
    cpu: join(layout.cpu, name),
    pids: join(layout.pids, name),
    freezer: join(layout.freezer, name),
  }
}
