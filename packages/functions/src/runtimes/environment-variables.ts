import { dirname, join } from 'node:path'
import type { SandboxPaths } from '../drivers/driver.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import type { EnvironmentFacts } from './launch-plan.ts'
import { parseRuntime } from './runtime-names.ts'

/** Names that are the platform's: CreateFunction refuses them, and a user's value never gets into an environment. */
export const RESERVED_VARIABLES: ReadonlySet<string> = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
])

/** What the runtime sees and its extensions do not. */
const NOT_FOR_EXTENSIONS = [
  '_HANDLER',
  'LAMBDA_TASK_ROOT',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_LOG_FORMAT',
  'AWS_LAMBDA_LOG_LEVEL',
  'AWS_XRAY_CONTEXT_MISSING',
  'AWS_XRAY_DAEMON_ADDRESS',
  '_AWS_XRAY_DAEMON_ADDRESS',
  '_AWS_XRAY_DAEMON_PORT',
]

/** SDKs insist on credentials; these are nobody's. */
const NO_CREDENTIALS = { accessKeyId: 'sekisho', secretAccessKey: 'sekisho', sessionToken: 'sekisho' }
const XRAY_ADDRESS = '169.254.100.1'
const XRAY_PORT = '2000'

type Variables = Record<string, string>

/** All variables of a function's runtime: the platform's, then those of the image or the user. Reference: "Environment seen by provided.al2023". */
export function runtimeVariables(fn: DeployedFunction, paths: SandboxPaths, facts: EnvironmentFacts): Variables {
  const given = { ...fn.image?.environment, ...fn.environment }
  for (const name of RESERVED_VARIABLES) delete given[name]
  return {
    ...overridable(fn, paths),
    ...given,
    ...identity(fn, facts),
    _HANDLER: fn.handler,
    LAMBDA_TASK_ROOT: paths.task,
    LAMBDA_RUNTIME_DIR: paths.runtime ?? '/var/runtime',
  }
}

export function extensionVariables(runtime: Readonly<Variables>): Variables {
  const variables = { ...runtime }
  for (const name of NOT_FOR_EXTENSIONS) delete variables[name]
  return variables
}

function identity(fn: DeployedFunction, facts: EnvironmentFacts): Variables {
  const { accessKeyId, secretAccessKey, sessionToken } = facts.credentials ?? NO_CREDENTIALS
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    AWS_REGION: facts.region,
    AWS_DEFAULT_REGION: facts.region,
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: fn.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: facts.initializationType,
    AWS_LAMBDA_LOG_GROUP_NAME: fn.logging.group,
    AWS_LAMBDA_LOG_STREAM_NAME: facts.logStream,
    AWS_LAMBDA_RUNTIME_API: facts.runtimeApi,
    ...(fn.runtime === undefined || fn.runtime.startsWith('provided')
      ? {}
      : { AWS_EXECUTION_ENV: `AWS_Lambda_${fn.runtime}` }),
    ...(fn.logging.format === 'JSON' ? { AWS_LAMBDA_LOG_FORMAT: 'JSON' } : {}),
    ...(fn.logging.applicationLevel === undefined ? {} : { AWS_LAMBDA_LOG_LEVEL: fn.logging.applicationLevel }),
  }
}

/** What a user may set otherwise. An image brings its own paths. */
function overridable(fn: DeployedFunction, paths: SandboxPaths): Variables {
  const xray = {
    AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
    AWS_XRAY_DAEMON_ADDRESS: `${XRAY_ADDRESS}:${XRAY_PORT}`,
    _AWS_XRAY_DAEMON_ADDRESS: XRAY_ADDRESS,
    _AWS_XRAY_DAEMON_PORT: XRAY_PORT,
  }
  if (fn.packageType === 'Image') return xray
  const layers = paths.layers ?? '/opt'
  const runtime = paths.runtime ?? '/var/runtime'
  return {
    ...xray,
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    PATH: searchPath(paths, layers),
    LD_LIBRARY_PATH: libraryPath(paths.task, layers, runtime),
    ...languageVariables(fn, paths.task, layers, runtime),
  }
}

function libraryPath(task: string, layers: string, runtime: string): string {
  const system = ['/var/lang/lib', '/lib64', '/usr/lib64']
  return [...system, runtime, join(runtime, 'lib'), task, join(task, 'lib'), join(layers, 'lib')].join(':')
}

/** Without a mount namespace (the `process` driver) programs are where the host has them. */
function searchPath(paths: SandboxPaths, layers: string): string {
  const isolated = paths.task === '/var/task'
  const path = `/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:${join(layers, 'bin')}`
  if (isolated) return path
  const first = paths.interpreter === undefined ? '' : `${dirname(paths.interpreter)}:`
  return `${first}${path}:${process.env['PATH'] ?? ''}`
}

function languageVariables(fn: DeployedFunction, task: string, layers: string, runtime: string): Variables {
  const name = fn.runtime === undefined ? undefined : parseRuntime(fn.runtime)
  if (name?.family === 'nodejs') {
    const folders = [join(layers, `nodejs/node${name.version}/node_modules`), join(layers, 'nodejs/node_modules')]
    return { NODE_PATH: [...folders, join(runtime, 'node_modules'), runtime, task].join(':'), PWD: task, SHLVL: '0' }
  }
  if (name?.family === 'python') {
    const folders = [join(layers, 'python'), join(layers, `python/lib/python${name.version}/site-packages`)]
    return { PYTHONPATH: [...folders, runtime].join(':'), PWD: task, SHLVL: '0' }
  }
  return {}
}
