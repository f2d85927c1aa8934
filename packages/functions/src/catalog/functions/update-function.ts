import type { ApiAnswer, ApiRequest, Operation } from '../../control-api/operation.ts'
import { invalidParameter } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { functionArn } from '../names/arns.ts'
import type { ConfigurationRecord, FunctionRecord, VersionRecord } from '../records/function-record.ts'
import { functionNotFound, notActive, revisionMismatch, updateInProgress } from '../refusals.ts'
import { flag, oneOf, text } from '../shapes/scalars.ts'
import { list, structure, type StructureOf } from '../shapes/composites.ts'
import { readInput } from '../shapes/read-input.ts'
import { publish } from '../versions/publish.ts'
import { checkReachable } from '../event-invoke/destinations.ts'
import { checkArchitecture, checkRuntime, checkUnsupported, loggingOf } from './check-configuration.ts'
import { checkEnvironment } from './check-environment.ts'
import { checkCodeSource, CODE_MEMBERS, MAX_CODE_BODY_BYTES, takeZip } from './code-source.ts'
import { configurationAnswer } from './configuration-answer.ts'
import { CONFIGURATION_MEMBERS, type ConfigurationInput } from './configuration-input.ts'
import { imageConfigOf, makeReady, pendingImage } from './create-function.ts'
import { functionOf, referenceOf } from './function-input.ts'
import { layersInUse } from './layers-in-use.ts'
import { revised, touched } from './revise.ts'

const codeMembers = {
  ...CODE_MEMBERS,
  Architectures: list(oneOf('x86_64', 'arm64'), { min: 1, max: 1 }),
  Publish: flag(),
  DryRun: flag(),
  RevisionId: text(),
} as const
const codeUpdateShape = structure(codeMembers)

export const updateFunctionCode = (context: CatalogContext): Operation => ({
  name: 'UpdateFunctionCode',
  method: 'PUT',
  path: '/2015-03-31/functions/{FunctionName}/code',
  maxBodyBytes: MAX_CODE_BODY_BYTES,
  handle: (request) => alone(context, request, updateCode),
})

const configurationShape = structure({ ...CONFIGURATION_MEMBERS, RevisionId: text() })

export const updateFunctionConfiguration = (context: CatalogContext): Operation => ({
  name: 'UpdateFunctionConfiguration',
  method: 'PUT',
  path: '/2015-03-31/functions/{FunctionName}/configuration',
  handle: (request) => alone(context, request, updateConfiguration),
})

/** One update of a function at a time. */
async function alone(
  context: CatalogContext,
  request: ApiRequest,
  update: (context: CatalogContext, request: ApiRequest, record: FunctionRecord) => Promise<ApiAnswer>,
): Promise<ApiAnswer> {
  const { name } = referenceOf(context, request)
  const record = functionOf(context, { name, qualifier: undefined })
  if (context.updating.has(name)) throw updateInProgress(functionArn(context.settings, name))
  context.updating.add(name)
  try {
    return await update(context, request, record)
  } finally {
    context.updating.delete(name)
  }
}

/** What `$LATEST` must be like to be changed. */
function checkChangeable(
  context: CatalogContext,
  current: FunctionRecord | undefined,
  name: string,
  revisionId: string | undefined,
): FunctionRecord {
  if (current === undefined) throw functionNotFound(context.settings, name)
  const { latest } = current
  if (latest.state === 'Pending') throw notActive(latest)
  if (latest.update?.status === 'InProgress') throw updateInProgress(functionArn(context.settings, name))
  if (revisionId !== undefined && revisionId !== latest.revisionId) throw revisionMismatch()
  return current
}

async function updateCode(context: CatalogContext, request: ApiRequest, found: FunctionRecord): Promise<ApiAnswer> {
  const { settings } = context
  const { name } = found
  const input = readInput(codeUpdateShape, request)
  const { packageType } = found.latest
  if (packageType === 'Zip' && input.ImageUri !== undefined)
    throw invalidParameter("Please don't provide ImageUri when updating a function with packageType Zip.")
  if (packageType === 'Image' && input.ImageUri === undefined)
    throw invalidParameter('Please provide ImageUri when updating a function with packageType Image.')
  checkCodeSource(input, packageType)
  if (input.Architectures !== undefined) checkArchitecture(input.Architectures[0]!, settings)
  checkChangeable(context, found, name, input.RevisionId)
  if (packageType === 'Image') return updateImage(context, name, input)

  const code = await takeZip(context, input)
  try {
    await makeReady(context, code, found.latest.configuration)
    if (input.DryRun === true) return answer(context, name, { ...found.latest, code }, undefined)
    return await context.records.changeFunction(name, (current) => {
      const record = checkChangeable(context, current, name, input.RevisionId)
      const latest = revised(record.latest, { code }, context.now())
      const next = { ...record, latest }
      if (input.Publish !== true) return { record: next, result: answer(context, name, latest, undefined) }
      const published = publish(context.records, next, context.now())
      return { ...published, result: answer(context, name, published.version, published.version.version) }
    })
  } finally {
    context.packages.release(code.sha256)
  }
}

/** The old image serves until the new one is unpacked. */
async function updateImage(
  context: CatalogContext,
  name: string,
  input: StructureOf<typeof codeMembers>,
): Promise<ApiAnswer> {
  if (input.Publish === true)
    throw invalidParameter('Publish the version when the image is unpacked and LastUpdateStatus is Successful.')
  const nextCode = pendingImage(input.ImageUri!)
  const result = await context.records.changeFunction(name, (current) => {
    const record = checkChangeable(context, current, name, input.RevisionId)
    const latest: VersionRecord = {
      ...touched(record.latest),
      nextCode,
      modifiedAt: context.now(),
      update: { status: 'InProgress', reason: 'The function is being created.', reasonCode: 'Creating' },
    }
    const changed = input.DryRun === true ? record : { ...record, latest }
    return { record: changed, result: answer(context, name, changed.latest, undefined) }
  })
  if (input.DryRun !== true) context.unpackImage(name)
  return result
}

async function updateConfiguration(
  context: CatalogContext,
  request: ApiRequest,
  found: FunctionRecord,
): Promise<ApiAnswer> {
  const { name } = found
  const input = readInput(configurationShape, request)
  checkConfigurationInput(context, found, input)
  const layers = input.Layers === undefined ? undefined : layersInUse(context, input.Layers)
  if (layers !== undefined) await makeReady(context, found.latest.code, { ...found.latest.configuration, layers })
  return context.records.changeFunction(name, (current) => {
    const record = checkChangeable(context, current, name, input.RevisionId)
    const before = record.latest.configuration
    const after = { ...merged(before, input, name), layers: layers ?? before.layers }
    const latest = revised(record.latest, { configuration: after }, context.now())
    return { record: { ...record, latest }, result: answer(context, name, latest, undefined) }
  })
}

function checkConfigurationInput(context: CatalogContext, found: FunctionRecord, input: ConfigurationInput): void {
  if (found.latest.packageType === 'Image' && (input.Runtime ?? input.Handler ?? input.Layers?.[0]) !== undefined)
    throw invalidParameter("Please don't provide Handler or Runtime or Layer for a function with packageType Image.")
  if (found.latest.packageType === 'Zip' && imageConfigOf(input.ImageConfig) !== undefined)
    throw invalidParameter('ImageConfig is not supported for functions created with deployment packages.')
  if (input.Runtime !== undefined) checkRuntime(input.Runtime, context.settings)
  checkUnsupported(input, input.Runtime ?? found.latest.configuration.runtime)
  checkReachable(context, input.DeadLetterConfig?.TargetArn)
  checkEnvironment(input.Environment?.Variables ?? {})
}

/** Members that are not given stay as they are. */
function merged(before: ConfigurationRecord, input: ConfigurationInput, name: string): ConfigurationRecord {
  const deadLetterArn = input.DeadLetterConfig === undefined ? before.deadLetterArn : input.DeadLetterConfig.TargetArn
  return {
    ...before,
    description: input.Description ?? before.description,
    role: input.Role ?? before.role,
    runtime: input.Runtime ?? before.runtime,
    handler: input.Handler ?? before.handler,
    memoryMb: input.MemorySize ?? before.memoryMb,
    timeoutSeconds: input.Timeout ?? before.timeoutSeconds,
    ephemeralStorageMb: input.EphemeralStorage?.Size ?? before.ephemeralStorageMb,
    environment: input.Environment === undefined ? before.environment : (input.Environment.Variables ?? {}),
    imageConfig: input.ImageConfig === undefined ? before.imageConfig : imageConfigOf(input.ImageConfig),
    logging: loggingOf(input.LoggingConfig, before.logging, name),
    tracing: input.TracingConfig?.Mode ?? before.tracing,
    deadLetterArn: deadLetterArn || undefined,
  }
}

function answer(
  { settings }: CatalogContext,
  name: string,
  version: VersionRecord,
  qualifier: string | undefined,
): ApiAnswer {
  return { status: 200, body: configurationAnswer(settings, name, version, qualifier) }
}
