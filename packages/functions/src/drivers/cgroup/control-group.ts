import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { foldersOf, type CgroupLayout } from './cgroup-layout.ts'

const CPU_PERIOD_US = 100_000
/** The kernel takes no quota below a millisecond. */
const MIN_CPU_QUOTA_US = 1000
/** A group is removed as soon as the kernel has let go of its last process; that takes a few milliseconds at most. */
const REMOVE_ATTEMPTS = 200
const REMOVE_PAUSE_MS = 5

/** The group of one environment in all hierarchies. Writes are synchronous: each is one short system call that no disk is behind. */
export class ControlGroup {
  readonly layout: CgroupLayout
  /** Of `cgroup.procs`, for a process that shall write "0" to join. */
  readonly joinDescriptors: readonly number[]
  private readonly freezeDescriptor: number
  private open = true

  /** @param layout folders of the group itself; they are there */
  constructor(layout: CgroupLayout) {
    this.layout = layout
    this.joinDescriptors = foldersOf(layout).map((folder) => openSync(join(folder, 'cgroup.procs'), constants.O_WRONLY))
    const freezeFile = layout.freezerVersion === 2 ? 'cgroup.freeze' : 'freezer.state'
    this.freezeDescriptor = openSync(join(layout.freezer, freezeFile), constants.O_WRONLY)
  }

  limitMemory(bytes: number): void {
    const { memory, kind } = this.layout
    if (kind === 'v2') {
      write(join(memory, 'memory.max'), String(bytes))
      writeIfThere(join(memory, 'memory.swap.max'), '0')
    } else {
      write(join(memory, 'memory.limit_in_bytes'), String(bytes))
      writeIfThere(join(memory, 'memory.memsw.limit_in_bytes'), String(bytes))
    }
  }

  limitProcesses(count: number): void {
    write(join(this.layout.pids, 'pids.max'), String(count))
  }

  /** @param cpus as in `cpus: 1.5` */
  limitCpus(cpus: number): void {
    const quota = Math.max(MIN_CPU_QUOTA_US, Math.round(cpus * CPU_PERIOD_US))
    if (this.layout.kind === 'v2') write(join(this.layout.cpu, 'cpu.max'), `${quota} ${CPU_PERIOD_US}`)
    else write(join(this.layout.cpu, 'cpu.cfs_quota_us'), String(quota))
  }

  freeze(): void {
    if (this.open) writeSync(this.freezeDescriptor, this.layout.freezerVersion === 2 ? '1' : 'FROZEN')
  }

  thaw(): void {
    if (this.open) writeSync(this.freezeDescriptor, this.layout.freezerVersion === 2 ? '0' : 'THAWED')
  }

  /** SIGKILL to all that have joined, frozen or not. */
  kill(): void {
    if (this.layout.freezerVersion === 2 && writeIfThere(join(this.layout.freezer, 'cgroup.kill'), '1')) return
    // Frozen, so that nothing can fork while the list is gone through; thawed, so that the signal arrives.
    this.freeze()
    this.signal('SIGKILL')
    this.thaw()
  }

  /** @param spared a process that does not get it */
  signal(name: NodeJS.Signals, spared?: number): void {
    for (const pid of this.processes()) if (pid !== spared) killProcess(pid, name)
  }

  processes(): readonly number[] {
    return processesIn(this.layout.freezer)
  }

  peakMemoryBytes(): number {
    const { memory, kind } = this.layout
    if (kind !== 'v2') return Number(readIfThere(join(memory, 'memory.max_usage_in_bytes')))
    // `memory.peak` came with Linux 5.19.
    return Number(readIfThere(join(memory, 'memory.peak')) || readIfThere(join(memory, 'memory.current')))
  }

  /** How often the kernel has ended a process of the group because the group was out of memory. */
  outOfMemoryKills(): number {
    const file = this.layout.kind === 'v2' ? 'memory.events' : 'memory.oom_control'
    return Number(/^oom_kill (\d+)$/m.exec(readIfThere(join(this.layout.memory, file)))?.[1] ?? 0)
  }

  /** For a group that was left behind, in which a process may have been killed while it was joining. */
  killInEveryHierarchy(): void {
    this.kill()
    for (const pid of foldersOf(this.layout).flatMap(processesIn)) killProcess(pid, 'SIGKILL')
  }

  /** Removes the group, whose processes have been killed. Rejects when one of them does not die. */
  async remove(): Promise<void> {
    this.closeDescriptors()
    await removeGroup(foldersOf(this.layout))
  }

  private closeDescriptors(): void {
    if (!this.open) return
    this.open = false
    for (const descriptor of this.joinDescriptors) closeSync(descriptor)
    closeSync(this.freezeDescriptor)
  }
}

function killProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended meanwhile.
  }
}

function processesIn(folder: string): readonly number[] {
  const lines = readIfThere(join(folder, 'cgroup.procs')).split('\n')
  return lines.filter((line) => line !== '').map(Number)
}

/** Removes one group's folders, whose processes have been killed. */
export async function removeGroup(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for (let attempt = 1; ; attempt++) {
      try {
        await rmdir(folder)
        break
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ENOENT') break
        if (code !== 'EBUSY' || attempt === REMOVE_ATTEMPTS) throw error
        await pause(REMOVE_PAUSE_MS)
      }
    }
  }
}

function write(file: string, text: string): void {
  const descriptor = openSync(file, constants.O_WRONLY)
  try {
    writeSync(descriptor, text)
  } finally {
    closeSync(descriptor)
  }
}

/** @returns false: the kernel has no such file */
function writeIfThere(file: string, text: string): boolean {
  try {
    write(file, text)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

const scratch = Buffer.alloc(65_536)

function readIfThere(file: string): string {
  let descriptor: number
  try {
    descriptor = openSync(file, constants.O_RDONLY)
  } catch {
    return ''
  }
  try {
    return scratch.toString('latin1', 0, readSync(descriptor, scratch))
  } catch {
    return ''
  } finally {
    closeSync(descriptor)
  }
}
