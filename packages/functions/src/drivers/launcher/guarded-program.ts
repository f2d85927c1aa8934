import { constants } from 'node:os'
import { pathsOf, type Program } from './launch-script.ts'
import type { Machine } from './machine.ts'
import { Script } from './script.ts'

const PR_SET_PDEATHSIG = 1
const AT_FDCWD = -100
const READ_WRITE = 2
/** Descriptors of the launcher, besides the script on 0 and the program's own 1 and 2. */
export const GUARDED_REPORTS = 3
const KEPT_REPORTS = 900
const CLOSE_ON_EXEC = 0o2000000
const COULD_NOT_START = 126

/** Starts a program that ends when whoever started it ends. Nothing else is between it and the host. */
export function guardedProgram(machine: Machine, program: Program): Script {
  const script = new Script(machine)
  script.call('dup3', [GUARDED_REPORTS, KEPT_REPORTS, CLOSE_ON_EXEC])
  script.call('close_range', [GUARDED_REPORTS, KEPT_REPORTS - 1, 0])
  script.call('prctl', [PR_SET_PDEATHSIG, constants.signals.SIGKILL, 0, 0, 0])
  script.call('close', [0])
  script.call('openat', [AT_FDCWD, script.text('/dev/null'), READ_WRITE], { purpose: 'open /dev/null' })
  const parameters = script.textList(program.command)
  const variables = script.textList(Object.entries(program.environment).map(([name, value]) => `${name}=${value}`))
  const paths = pathsOf(program)
  paths.forEach((path, index) => {
    script.call('execve', [script.text(path), parameters, variables], {
      purpose: `exec ${path}`,
      ...(index === paths.length - 1 ? {} : { whenError: 'next' as const }),
    })
  })
  script.endWithReport(KEPT_REPORTS, COULD_NOT_START)
  return script
}
