import { randomUUID } from 'node:crypto'
import type { ApiAnswer, ApiRequest, Operation } from '../../control-api/operation.ts'
import { conflict, invalidParameter } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { LATEST } from '../names/arns.ts'
import { functionReference } from '../names/function-reference.ts'
import type {
  CodeRecord,
  ConfigurationRecord,
  FunctionRecord,
  ImageCode,
  VersionRecord,
} from '../records/function-record.ts'
import { flag, oneOf, text } from '../shapes/scalars.ts'
import { list, structure, type StructureOf } from '../shapes/composites.ts'
import { readInput } from '../shapes/read-input.ts'
import { required } from '../shapes/shape.ts'
import { checkTags, tagsShape } from '../tags/tag-rules.ts'
import { publish } from '../versions/publish.ts'
import { checkReachable } from '../event-invoke/destinations.ts'
import { checkArchitecture, checkRuntime, checkUnsupported, loggingOf } from './check-configuration.ts'
import { checkEnvironment } from './check-environment.ts'
import { checkCodeSource, codeShape, MAX_CODE_BODY_BYTES, takeZip } from './code-source.ts'
import { configurationAnswer } from './configuration-answer.ts'
import { CONFIGURATION_MEMBERS } from './configuration-input.ts'
import { checkUnzippedSize, layersInUse } from './layers-in-use.ts'

const members = {
  ...CONFIGURATION_MEMBERS,
  FunctionName: required(text()),
  Role: required(CONFIGURATION_MEMBERS.Role),
  Code: required(codeShape),
  Publish: flag(),
  PackageType: oneOf('Zip', 'Image'),
  Architectures: list(oneOf('x86_64', 'arm64'), { min: 1, max: 1 }),
  Tags: tagsShape,
} as const
const shape = structure(members)
type Input = StructureOf<typeof members>

/** AWS's defaults. */
const DEFAULTS = { memoryMb: 128, timeoutSeconds: 3, ephemeralStorageMb: 512 } as const

export const createFunction = (context: CatalogContext): Operation => ({
  name: 'CreateFunction',
  method: 'POST',
  path: '/2015-03-31/functions',
  maxBodyBytes: MAX_CODE_BODY_BYTES,
  handle: (request) => create(context, request),
})

async function create(context: CatalogContext, request: ApiRequest): Promise<ApiAnswer> {
  const { records, settings } = context
  const input = readInput(shape, request)
  const { name } = functionReference(input.FunctionName, undefined, settings)
  const packageType = input.PackageType ?? 'Zip'
  const configuration = configurationOf(context, name, packageType, input)
  checkCodeSource(input.Code, packageType)
  checkTags(input.Tags ?? {})
  if (records.functions.get(name) !== undefined) throw alreadyThere(name)

  const code = packageType === 'Zip' ? await takeZip(context, input.Code) : pendingImage(input.Code.ImageUri!)
  try {
    await makeReady(context, code, configuration)
    const answer = await records.changeFunction(name, (current) => {
      if (current !== undefined) throw alreadyThere(name)
      const record = newFunction(name, packageType, code, configuration, input.Tags ?? {}, context.now())
      if (input.Publish !== true || packageType === 'Image')
        return { record, result: configurationAnswer(settings, name, record.latest, undefined) }
      const published = publish(records, record, context.now())
      return { ...published, result: configurationAnswer(settings, name, published.version, published.version.version) }
    })
    if (code.kind === 'image') context.unpackImage(name)
    return { status: 201, body: answer }
  } finally {
    if (code.kind === 'zip') context.packages.release(code.sha256)
  }
}

function configurationOf(
  context: CatalogContext,
  name: string,
  packageType: 'Zip' | 'Image',
  input: Input,
): ConfigurationRecord {
  const { settings } = context
  const architecture = input.Architectures?.[0] ?? 'x86_64'
  // Without one, it is for this host: tools for x86 and arm alike leave it out.
  if (input.Architectures !== undefined) checkArchitecture(architecture, settings)
  if (packageType === 'Zip' && (input.Runtime === undefined || input.Handler === undefined))
    throw invalidParameter(
      'Runtime and Handler are mandatory parameters for functions created with deployment packages.',
    )
  if (packageType === 'Image' && (input.Runtime ?? input.Handler ?? input.Layers?.[0]) !== undefined)
    throw invalidParameter(
      "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.",
    )
  if (packageType === 'Zip' && input.ImageConfig !== undefined)
    throw invalidParameter('ImageConfig is not supported for functions created with deployment packages.')
  if (input.Runtime !== undefined) checkRuntime(input.Runtime, settings)
  checkUnsupported(input, input.Runtime)
  checkReachable(context, input.DeadLetterConfig?.TargetArn)
  const environment = input.Environment?.Variables ?? {}
  checkEnvironment(environment)
  return {
    description: input.Description ?? '',
    role: input.Role,
    runtime: input.Runtime,
    handler: input.Handler,
    architecture: input.Architectures === undefined ? settings.architecture : architecture,
    memoryMb: input.MemorySize ?? DEFAULTS.memoryMb,
    timeoutSeconds: input.Timeout ?? DEFAULTS.timeoutSeconds,
    ephemeralStorageMb: input.EphemeralStorage?.Size ?? DEFAULTS.ephemeralStorageMb,
    environment,
    layers: layersInUse(context, input.Layers ?? []),
    imageConfig: imageConfigOf(input.ImageConfig),
    logging: loggingOf(input.LoggingConfig, undefined, name),
    tracing: input.TracingConfig?.Mode ?? 'PassThrough',
    deadLetterArn: input.DeadLetterConfig?.TargetArn || undefined,
  }
}

export function imageConfigOf(input: Input['ImageConfig']): ConfigurationRecord['imageConfig'] {
  if (input === undefined) return undefined
  const { EntryPoint, Command, WorkingDirectory } = input
  if (EntryPoint === undefined && Command === undefined && WorkingDirectory === undefined) return undefined
  return {
    ...(EntryPoint === undefined ? {} : { EntryPoint }),
    ...(Command === undefined ? {} : { Command }),
    ...(WorkingDirectory === undefined ? {} : { WorkingDirectory }),
  }
}

/** Code and layers are in place before a record says that they are. */
export async function makeReady(
  { packages }: CatalogContext,
  code: CodeRecord,
  { layers }: ConfigurationRecord,
): Promise<void> {
  checkUnzippedSize(code, layers)
  const sha256 = code.kind === 'zip' ? code.sha256 : undefined
  const combination = layers.map((layer) => layer.sha256)
  if (!packages.ready(sha256, combination)) await packages.prepare(sha256, combination)
}

export const pendingImage = (uri: string): ImageCode => ({
  kind: 'image',
  uri,
  digest: undefined,
  entryPoint: [],
  command: [],
  workingDirectory: '/',
  environment: {},
})

function newFunction(
  name: string,
  packageType: 'Zip' | 'Image',
  code: CodeRecord,
  configuration: ConfigurationRecord,
  tags: Readonly<Record<string, string>>,
  now: number,
): FunctionRecord {
  const incarnation = randomUUID()
  const common = {
    version: LATEST,
    incarnation,
    revisionId: randomUUID(),
    deployment: randomUUID(),
    modifiedAt: now,
    packageType,
    configuration,
    code,
  } as const
  const latest: VersionRecord =
    code.kind === 'zip'
      ? { ...common, state: 'Active', update: { status: 'Successful' } }
      : { ...common, state: 'Pending', stateReason: 'The function is being created.', stateReasonCode: 'Creating' }
  return {
    name,
    incarnation,
    latest,
    nextVersion: 1,
    aliases: {},
    policies: {},
    urls: {},
    eventInvoke: {},
    provisioned: {},
    reservedConcurrency: undefined,
    tags,
    runtimeManagement: {},
    recursion: 'Terminate',
  }
}

const alreadyThere = (name: string) => conflict(`Function already exist: ${name}`)
