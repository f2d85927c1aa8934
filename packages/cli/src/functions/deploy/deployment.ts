import { Failure } from '../../failure.ts'
import type { ConfigurationInput, FunctionConfiguration, FunctionUrlInput } from '../api/answers.ts'
import type { Built } from '../builds/build.ts'
import { VARIABLE_NAMES } from './options.ts'
import type { FunctionFile, ScheduleSetting, SourceSetting } from './settings-schema.ts'

/** Sekisho asks nothing of a role; where signatures and policies count, one is named. */
const ANY_ROLE = 'arn:aws:iam::000000000000:role/sekisho'
/** Who may reach what, for the engine. */
const NETWORK_TAG = 'sekisho:network'

type Variables = Readonly<Record<string, string>>

/** What a function is to be, in the words of the control API. */
export interface Deployment {
  readonly name: string
  /** With what is left out staying as it is. */
  readonly configuration: ConfigurationInput
  /** Of the settings; undefined: those that the function has. */
  readonly variables: Variables | undefined
  /** Of the command line, besides. */
  readonly moreVariables: Variables
  readonly tags: Readonly<Record<string, string>>
  readonly url: FunctionUrlInput | undefined
  readonly alias: string | undefined
  /** undefined: nothing is said of them. */
  readonly schedules: readonly ScheduleSetting[] | undefined
  readonly sources: readonly SourceSetting[]
}

export function deploymentOf(name: string, settings: FunctionFile, built: Built, moreVariables: Variables): Deployment {
  const { env, network, alias } = settings
  return {
    name,
    configuration: configurationOf(settings, built),
    variables: env && variablesOf(env),
    moreVariables,
    tags: network === undefined ? {} : { [NETWORK_TAG]: network },
    url: urlOf(settings.url),
    alias,
    schedules: settings.schedules,
    sources: settings.sources ?? [],
  }
}

function variablesOf(env: NonNullable<FunctionFile['env']>): Variables {
  const wrong = Object.keys(env).find((name) => !/^[a-zA-Z][a-zA-Z0-9_]+$/.test(name))
  if (wrong !== undefined) throw new Failure(`"env" has a variable "${wrong}"; ${VARIABLE_NAMES}`)
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]))
}

function configurationOf(settings: FunctionFile, { runtime, handler }: Built): ConfigurationInput {
  const { description, memory, timeout, storage, layers, role, log_format: logFormat } = settings
  return {
    Runtime: runtime,
    Handler: handler,
    ...(role === undefined ? {} : { Role: role }),
    ...(description === undefined ? {} : { Description: description }),
    ...(memory === undefined ? {} : { MemorySize: memory }),
    ...(timeout === undefined ? {} : { Timeout: timeout }),
    ...(storage === undefined ? {} : { EphemeralStorage: { Size: storage } }),
    ...(layers === undefined ? {} : { Layers: layers }),
    ...(logFormat === undefined ? {} : { LoggingConfig: { LogFormat: logFormat } }),
  }
}

function urlOf(url: FunctionFile['url']): FunctionUrlInput | undefined {
  if (url === undefined || url === false) return undefined
  const { auth = 'none', stream = false, cors } = url === true ? {} : url
  return {
    AuthType: auth === 'iam' ? 'AWS_IAM' : 'NONE',
    InvokeMode: stream ? 'RESPONSE_STREAM' : 'BUFFERED',
    ...(cors && {
      Cors: {
        ...(cors.origins && { AllowOrigins: cors.origins }),
        ...(cors.methods && { AllowMethods: cors.methods }),
        ...(cors.headers && { AllowHeaders: cors.headers }),
        ...(cors.credentials !== undefined && { AllowCredentials: cors.credentials }),
        ...(cors.max_age !== undefined && { MaxAge: cors.max_age }),
      },
    }),
  }
}

/** All that CreateFunction is told. */
export function creation({ configuration, variables, moreVariables }: Deployment): ConfigurationInput {
  const all = { ...variables, ...moreVariables }
  return {
    Role: ANY_ROLE,
    ...configuration,
    ...(Object.keys(all).length === 0 ? {} : { Environment: { Variables: all } }),
  }
}

/** What of a function that is there is to change; undefined: nothing. */
export function changes(
  { configuration, variables, moreVariables }: Deployment,
  there: FunctionConfiguration,
): ConfigurationInput | undefined {
  const before = there.Environment?.Variables ?? {}
  const after = { ...(variables ?? before), ...moreVariables }
  const now: Required<ConfigurationInput> = {
    Runtime: there.Runtime ?? '',
    Handler: there.Handler ?? '',
    Role: there.Role ?? '',
    Description: there.Description ?? '',
    MemorySize: there.MemorySize,
    Timeout: there.Timeout,
    EphemeralStorage: { Size: there.EphemeralStorage?.Size ?? 512 },
    Environment: { Variables: before },
    Layers: (there.Layers ?? []).map(({ Arn }) => Arn),
    LoggingConfig: { LogFormat: there.LoggingConfig?.LogFormat ?? 'Text' },
  }
  const wanted: ConfigurationInput = { ...configuration, Environment: { Variables: after } }
  const changed = Object.entries(wanted).filter(([key, value]) => !same(value, now[key as keyof ConfigurationInput]))
  return changed.length === 0 ? undefined : Object.fromEntries(changed)
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))

/** Keys in order, so that their order does not count. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).map(([key, part]) => [key, sorted(part)] as const)
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
