import type { DeployedFunction, FunctionNetwork } from '../model/deployed-function.ts'
import type { CatalogContext } from './catalog-context.ts'
import { functionArn } from './names/arns.ts'
import { type FunctionRecord, type ImageCode, NETWORK_TAG, type VersionRecord } from './records/function-record.ts'
import { own } from './records/own.ts'

/** A version as the engine runs it. */
export function deployedFunction(
  context: CatalogContext,
  record: FunctionRecord,
  version: VersionRecord,
): DeployedFunction {
  const { configuration, code } = version
  const network = networkOf(context, record)
  return {
    name: record.name,
    version: version.version,
    arn: functionArn(context.settings, record.name),
    revisionId: deploymentId(context, record, version),
    runtime: configuration.runtime,
    handler: configuration.handler ?? '',
    packageType: version.packageType,
    memoryMb: configuration.memoryMb,
    timeoutMs: configuration.timeoutSeconds * 1_000,
    ephemeralStorageMb: configuration.ephemeralStorageMb,
    environment: configuration.environment,
    taskDirectory:
      code.kind === 'zip' ? context.packages.codeDirectory(code.sha256) : context.images.directory(code.digest!),
    layersDirectory: context.packages.layersDirectory(configuration.layers.map(({ sha256 }) => sha256)),
    image: code.kind === 'zip' ? undefined : imageOf(code, version),
    logging: configuration.logging,
    tracing: configuration.tracing,
    network,
  }
}

/** What environments of a version are made for: its code, its configuration, and the tags that say how it runs. */
export const deploymentId = (context: CatalogContext, record: FunctionRecord, version: VersionRecord): string =>
  `${version.deployment}/${networkOf(context, record)}`

export const networkOf = ({ settings }: CatalogContext, { tags }: FunctionRecord): FunctionNetwork =>
  (own(tags, NETWORK_TAG) as FunctionNetwork | undefined) ?? settings.network

/** ImageConfig takes the place of what the image says, part by part. */
function imageOf(code: ImageCode, { configuration }: VersionRecord): NonNullable<DeployedFunction['image']> {
  const { imageConfig } = configuration
  return {
    command: [...(imageConfig?.EntryPoint ?? code.entryPoint), ...(imageConfig?.Command ?? code.command)],
    workingDirectory: imageConfig?.WorkingDirectory || code.workingDirectory,
    environment: code.environment,
  }
}
