import { constants } from 'node:os'
import { ALL, CHANNEL, COULD_NOT_START, joinCgroups, PR_SET_PDEATHSIG, REPORTS } from './launch-script.ts'
import { Script } from './script.ts'
import type { WrittenLauncher } from './write-launcher.ts'

/**
 * Before there is anything to launch: it joins its control groups, for which the kernel takes 10 to 20 ms (it waits until every processor has
 * passed a quiet state), and becomes a launcher again that waits for the script that follows.
 *
 * @param cgroups descriptors of `cgroup.procs`, from the first one after the channel on; none: the last script joins them
 */
export function standbyScript(launcher: WrittenLauncher, cgroups: readonly number[]): Buffer {
  const script = new Script(launcher.machine)
  script.call('prctl', [PR_SET_PDEATHSIG, constants.signals.SIGKILL, 0, 0, 0])
  joinCgroups(script, cgroups)
  if (cgroups.length > 0) script.call('close_range', [CHANNEL + 1, ALL, 0])
  const path = script.text(launcher.file)
  script.call('execve', [path, script.textList([launcher.file]), script.textList([])])
  script.endWithText(REPORTS, 'a launcher could not join its control groups', COULD_NOT_START)
  return script.build()
}

/** The launcher becomes this program; what it does not read of its standard input is the program's. */
export function becomeScript(
  launcher: WrittenLauncher,
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
): Buffer {
  const script = new Script(launcher.machine)
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  script.call('execve', [script.text(program), script.textList([program, ...parameters]), script.textList(variables)])
  script.endWithText(REPORTS, `${program} could not be executed`, COULD_NOT_START)
  return script.build()
}
