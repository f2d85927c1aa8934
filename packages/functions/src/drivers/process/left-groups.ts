import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startTimeOf } from '../sandbox/engine-record.ts'

const SUFFIX = '.group'

/** Remembers a process group in a file, so that the next engine can end it when this one is killed. */
export async function rememberGroup(folder: string, name: string, pid: number): Promise<void> {
  await writeFile(join(folder, `${name}${SUFFIX}`), `${pid} ${startTimeOf(pid) ?? ''}`)
}

export const forgetGroup = (folder: string, name: string): Promise<void> =>
  rm(join(folder, `${name}${SUFFIX}`), { force: true })

/** Ends what is in the groups of an engine before. Its leaders have ended with it; what they had started may not have. */
export async function killLeftGroups(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(SUFFIX)) continue
    const [pid = '', startTime = ''] = (await readFile(join(folder, name), 'latin1')).split(' ')
    const now = startTimeOf(Number(pid))
    // A number is not given again while its group has members: whoever has it now with another start is somebody else.
    if (!/^\d+$/.test(pid) || (now !== undefined && now !== startTime)) continue
    try {
      process.kill(-Number(pid), 'SIGKILL')
    } catch {
      // Nobody is left.
    }
  }
}
