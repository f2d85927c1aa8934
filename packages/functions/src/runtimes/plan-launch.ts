import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SandboxLaunch, SandboxPaths } from '../drivers/driver.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import { findBootstrap, thisHost, type HostFacts } from './bootstrap-file.ts'
import { extensionVariables, runtimeVariables } from './environment-variables.ts'
import type { Interpreters } from './interpreters.ts'
import type { EnvironmentFacts, RuntimeLaunchPlan, RuntimeProblem } from './launch-plan.ts'
import { parseRuntime, type RuntimeName } from './runtime-names.ts'

export interface LaunchSettings {
  readonly interpreters: Interpreters
  readonly host?: HostFacts
}

/** Plain files that are shipped beside `dist`. */
const FILES = fileURLToPath(new URL('../../runtimes/', import.meta.url))
const WRAPPER = 'AWS_LAMBDA_EXEC_WRAPPER'

/** How a version of a function is started; reads its files once. */
export function planLaunch(fn: DeployedFunction, settings: LaunchSettings): RuntimeLaunchPlan | RuntimeProblem {
  if (fn.image !== undefined) return imagePlan(fn, fn.image)
  const name = parseRuntime(fn.runtime ?? '')
  if (name === undefined) return invalid(`there is no runtime ${fn.runtime}`)
  return name.family === 'provided' ? providedPlan(fn, settings.host ?? thisHost) : managedPlan(fn, name, settings)
}

const invalid = (message: string): RuntimeProblem => ({ errorType: 'Runtime.InvalidRuntime', message })

function imagePlan(
  fn: DeployedFunction,
  image: NonNullable<DeployedFunction['image']>,
): RuntimeLaunchPlan | RuntimeProblem {
  if (image.command.length === 0) {
    return { errorType: 'Runtime.InvalidEntrypoint', message: 'the image has neither ENTRYPOINT nor CMD' }
  }
  const extensions = extensionsOf(join(fn.taskDirectory, 'opt'))
  return {
    runtimeDirectory: undefined,
    interpreter: undefined,
    launch: (paths, facts) => launchOf(fn, image.command, image.workingDirectory, extensions, paths, facts),
  }
}

function providedPlan(fn: DeployedFunction, host: HostFacts): RuntimeLaunchPlan | RuntimeProblem {
  const place = findBootstrap(fn, host)
  if (typeof place === 'object') return place
  const extensions = extensionsOf(fn.layersDirectory)
  return {
    runtimeDirectory: undefined,
    interpreter: undefined,
    launch: (paths, facts) => {
      const folder = place === 'task' ? paths.task : (paths.layers ?? '/opt')
      return launchOf(fn, [join(folder, 'bootstrap')], paths.task, extensions, paths, facts)
    },
  }
}

function managedPlan(
  fn: DeployedFunction,
  name: RuntimeName,
  settings: LaunchSettings,
): RuntimeLaunchPlan | RuntimeProblem {
  const interpreter = settings.interpreters.of(fn.runtime!)
  if (typeof interpreter === 'object') return interpreter
  const node = name.family === 'nodejs'
  // Nobody writes to the package: Python must not keep its compiled modules there.
  const parameters = node ? heapParameters(fn.memoryMb) : ['-B']
  const script = node ? 'bootstrap.cjs' : 'bootstrap.py'
  const extensions = extensionsOf(fn.layersDirectory)
  return {
    runtimeDirectory: join(FILES, name.family),
    interpreter,
    launch: (paths, facts) => {
      const command = [paths.interpreter!, ...parameters, join(paths.runtime!, script)]
      return launchOf(fn, [...wrapperOf(fn, paths), ...command], paths.task, extensions, paths, facts)
    },
  }
}

/**
 * The heap fits into the memory, as AWS's runtimes have it: nine tenths for what lives long. Without it V8 would size itself by the host's memory,
 * and leave garbage until the sandbox is killed.
 */
function heapParameters(memoryMb: number): readonly string[] {
  const young = Math.floor(memoryMb / 10)
  return [`--max-semi-space-size=${Math.floor(young / 2)}`, `--max-old-space-size=${memoryMb - young}`]
}

/** `AWS_LAMBDA_EXEC_WRAPPER=/opt/wrapper`: a program of a layer that starts the runtime. */
function wrapperOf(fn: DeployedFunction, paths: SandboxPaths): readonly string[] {
  const wrapper = fn.environment[WRAPPER]
  if (wrapper === undefined || wrapper === '') return []
  if (wrapper.startsWith('/opt/')) return [join(paths.layers ?? '/opt', wrapper.slice('/opt/'.length))]
  return [wrapper.startsWith('/var/task/') ? join(paths.task, wrapper.slice('/var/task/'.length)) : wrapper]
}

/** Names of the programs in `extensions` of the layers. */
function extensionsOf(folder: string | undefined): readonly string[] {
  const extensions = folder && join(folder, 'extensions')
  if (extensions === undefined || statSync(extensions, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  return readdirSync(extensions).filter((name) => {
    const stat = statSync(join(extensions, name), { throwIfNoEntry: false })
    return stat?.isFile() === true && (stat.mode & 0o111) !== 0
  })
}

function launchOf(
  fn: DeployedFunction,
  command: readonly string[],
  workingDirectory: string,
  extensions: readonly string[],
  paths: SandboxPaths,
  facts: EnvironmentFacts,
): SandboxLaunch {
  const environment = runtimeVariables(fn, paths, facts)
  const apart = extensions.length === 0 ? {} : extensionVariables(environment)
  const companions = extensions.map((name) => ({
    command: [join(paths.layers ?? '/opt', 'extensions', name)],
    environment: apart,
  }))
  return { command, environment, workingDirectory, companions }
}
