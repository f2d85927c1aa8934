import { accessSync, constants, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { ControlGroup, removeGroup } from './control-group.ts'
import { findCgroupLayout, foldersOf, groupBelow, type CgroupLayout } from './cgroup-layout.ts'
import { cgroupMounts } from './cgroup-mounts.ts'
import { delegateControllers, DELEGATION_ADVICE, enable } from './delegation.ts'

/** As on AWS; also what a fork bomb stops at. */
const MAX_PROCESSES = 1024

/** All groups of one engine, in one group of its own below that of this process. */
export class ControlGroups {
  private readonly layout: CgroupLayout
  private made = 0

  private constructor(layout: CgroupLayout) {
    this.layout = layout
  }

  /**
   * @param name of the engine's group
   * @throws Error that says what is missing and how to get it
   */
  static open(name: string): ControlGroups {
    const parent = usableLayout()
    const layout = groupBelow(parent, name)
    for (const folder of foldersOf(layout)) mkdirSync(folder, { recursive: true })
    if (layout.kind === 'v2') {
      const refused = enable(layout.memory)
      if (refused !== undefined) throw refused
    }
    return new ControlGroups(layout)
  }

  /** Of the engine's group: what a later engine has to remove when this one is killed. */
  get layoutOfEngine(): CgroupLayout {
    return this.layout
  }

  make(): ControlGroup {
    const layout = groupBelow(this.layout, String(++this.made))
    for (const folder of foldersOf(layout)) mkdirSync(folder)
    const group = new ControlGroup(layout)
    group.limitProcesses(MAX_PROCESSES)
    return group
  }

  /** All of them have been removed. */
  close(): Promise<void> {
    return removeGroup(foldersOf(this.layout))
  }
}

/** @throws Error that says what is missing */
export function usableLayout(): CgroupLayout {
  const mounts = cgroupMounts(
    readFileSync('/proc/self/mountinfo', 'latin1'),
    readFileSync('/proc/self/cgroup', 'latin1'),
  )
  const layout = findCgroupLayout(mounts)
  if (typeof layout === 'string') throw new Error(layout)
  if (layout.kind !== 'v2') {
    for (const folder of foldersOf(layout)) requireWritable(folder)
    return layout
  }
  const top = cgroupMounts(readFileSync('/proc/self/mountinfo', 'latin1'), '0::/').find((mount) => mount.version === 2)
  const folder = delegateControllers(layout.memory, top!.folder)
  return { ...layout, memory: folder, cpu: folder, pids: folder, freezer: folder }
}

function requireWritable(folder: string): void {
  try {
    accessSync(folder, constants.W_OK)
  } catch {
    throw new Error(`no groups can be made below ${folder}: ${DELEGATION_ADVICE}`)
  }
}

/** Kills and removes what an engine that was killed has left. */
export async function removeLeftGroups(layout: CgroupLayout): Promise<void> {
  const names = new Set<string>()
  for (const folder of foldersOf(layout)) {
    for (const entry of entriesOf(folder)) names.add(entry)
  }
  for (const name of names) {
    const folders = groupBelow(layout, name)
    for (const folder of foldersOf(folders)) mkdirSync(folder, { recursive: true })
    const group = new ControlGroup(folders)
    group.killInEveryHierarchy()
    await group.remove()
  }
  await removeGroup(foldersOf(layout))
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch {
    return []
  }
}
