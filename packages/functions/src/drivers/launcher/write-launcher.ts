import { writeFile } from 'node:fs/promises'
import { launcherFile } from './elf.ts'
import { thisMachine, type Machine } from './machine.ts'

export interface WrittenLauncher {
  readonly file: string
  readonly machine: Machine
}

/** @returns undefined: this is not Linux, or not a processor that the launcher is written for */
export async function writeLauncher(file: string): Promise<WrittenLauncher | undefined> {
  const machine = thisMachine()
  if (process.platform !== 'linux' || machine === undefined) return undefined
  await writeFile(file, launcherFile(machine), { mode: 0o755 })
  return { file, machine }
}
