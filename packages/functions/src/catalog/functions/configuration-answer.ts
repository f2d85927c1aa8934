import { createHash } from 'node:crypto'
import { functionArn, LATEST, type Scope } from '../names/arns.ts'
import type { CodeRecord, ConfigurationRecord, VersionRecord } from '../records/function-record.ts'
import { lambdaTime } from '../times.ts'

/**
 * FunctionConfiguration as AWS answers it. Members without a value are left out.
 * @param qualifier of the ARN; undefined: without one
 */
export function configurationAnswer(
  scope: Scope,
  name: string,
  version: VersionRecord,
  qualifier: string | undefined,
): Record<string, unknown> {
  const { configuration } = version
  return {
    FunctionName: name,
    FunctionArn: functionArn(scope, name, qualifier),
    ...(configuration.runtime === undefined ? {} : { Runtime: configuration.runtime }),
    Role: configuration.role,
    ...(configuration.handler === undefined ? {} : { Handler: configuration.handler }),
    CodeSize: version.code.kind === 'zip' ? version.code.size : 0,
    Description: configuration.description,
    Timeout: configuration.timeoutSeconds,
    MemorySize: configuration.memoryMb,
    LastModified: lambdaTime(version.modifiedAt),
    CodeSha256: codeSha256(version.code),
    Version: version.version,
    ...optionalParts(configuration),
    TracingConfig: { Mode: configuration.tracing },
    RevisionId: version.revisionId,
    ...statesOf(version),
    PackageType: version.packageType,
    Architectures: [configuration.architecture],
    EphemeralStorage: { Size: configuration.ephemeralStorageMb },
    SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
    ...runtimeVersion(scope, configuration.runtime),
    LoggingConfig: loggingAnswer(configuration),
  }
}

/** Base64 of a zip's SHA-256; of an image the digest as it is, in hexadecimal. */
export const codeSha256 = (code: CodeRecord): string =>
  code.kind === 'zip' ? Buffer.from(code.sha256, 'hex').toString('base64') : (code.digest ?? '')

function optionalParts({ environment, layers, deadLetterArn, imageConfig }: ConfigurationRecord): object {
  return {
    ...(deadLetterArn === undefined ? {} : { DeadLetterConfig: { TargetArn: deadLetterArn } }),
    ...(Object.keys(environment).length === 0 ? {} : { Environment: { Variables: environment } }),
    ...(layers.length === 0 ? {} : { Layers: layers.map(({ arn, size }) => ({ Arn: arn, CodeSize: size })) }),
    ...(imageConfig === undefined ? {} : { ImageConfigResponse: { ImageConfig: imageConfig } }),
  }
}

function statesOf({ state, stateReason, stateReasonCode, update, version }: VersionRecord): object {
  return {
    State: state,
    ...(stateReason === undefined ? {} : { StateReason: stateReason }),
    ...(stateReasonCode === undefined ? {} : { StateReasonCode: stateReasonCode }),
    // While the function is being created there has been no update; Terraform and waiters read it of versions, too.
    ...(state === 'Pending' || (update === undefined && version === LATEST)
      ? {}
      : { LastUpdateStatus: update?.status ?? 'Successful' }),
    ...(update?.reason === undefined ? {} : { LastUpdateStatusReason: update.reason }),
    ...(update?.reasonCode === undefined ? {} : { LastUpdateStatusReasonCode: update.reasonCode }),
  }
}

function runtimeVersion({ region }: Scope, runtime: string | undefined): object {
  if (runtime === undefined) return {}
  const id = createHash('sha256').update(runtime).digest('hex')
  return { RuntimeVersionConfig: { RuntimeVersionArn: `arn:aws:lambda:${region}::runtime:${id}` } }
}

function loggingAnswer({ logging }: ConfigurationRecord): object {
  return {
    LogFormat: logging.format,
    ...(logging.applicationLevel === undefined ? {} : { ApplicationLogLevel: logging.applicationLevel }),
    ...(logging.systemLevel === undefined ? {} : { SystemLogLevel: logging.systemLevel }),
    LogGroup: logging.group,
  }
}
