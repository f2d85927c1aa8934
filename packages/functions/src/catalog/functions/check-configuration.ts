import { invalidParameter, ServiceError } from '../../model/service-error.ts'
import type { CatalogSettings } from '../catalog-context.ts'
import type { LoggingRecord } from '../records/function-record.ts'
import type { ConfigurationInput } from './configuration-input.ts'

/** Throws for what exists on AWS, would change what a function does, and is not here: nothing is accepted and then ignored. */
export function checkUnsupported(input: ConfigurationInput, runtime: string | undefined): void {
  if ((input.VpcConfig?.SubnetIds?.length ?? 0) + (input.VpcConfig?.SecurityGroupIds?.length ?? 0) > 0)
    throw invalidParameter(
      'VpcConfig is not supported by Sekisho: what a function reaches is chosen by the tag sekisho:network (none, egress or host).',
    )
  if ((input.FileSystemConfigs?.length ?? 0) > 0)
    throw invalidParameter('FileSystemConfigs are not supported by Sekisho: there is no EFS.')
  if ((input.KMSKeyArn ?? '') !== '')
    throw invalidParameter(
      'KMSKeyArn is not supported by Sekisho: there is no KMS. Encrypt the disk of the data folder.',
    )
  if (input.SnapStart?.ApplyOn === 'PublishedVersions')
    throw invalidParameter(`${runtime ?? 'An image'} is not supported for SnapStart enabled functions.`)
  if ((input.CodeSigningConfigArn ?? '') !== '')
    throw new ServiceError(
      'CodeSigningConfigNotFoundException',
      404,
      `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${input.CodeSigningConfigArn}.`,
    )
  for (const member of ['CapacityProviderConfig', 'DurableConfig', 'TenancyConfig'] as const)
    if (input[member] !== undefined) throw invalidParameter(`${member} is not supported by Sekisho.`)
}

export function checkRuntime(runtime: string, settings: CatalogSettings): void {
  if (!settings.runtimes.includes(runtime))
    throw invalidParameter(
      `Value ${runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [${settings.runtimes.join(', ')}] or be a valid ARN`,
    )
}

/** A host runs what it is made of, and nothing else. */
export function checkArchitecture(architecture: string, settings: CatalogSettings): void {
  if (architecture !== settings.architecture)
    throw invalidParameter(
      `Architecture ${architecture} cannot run here: this host is ${settings.architecture}. Build the function for it, or deploy to a host that is ${architecture}.`,
    )
}

export function loggingOf(
  input: ConfigurationInput['LoggingConfig'],
  before: LoggingRecord | undefined,
  functionName: string,
): LoggingRecord {
  const format = input?.LogFormat ?? before?.format ?? 'Text'
  const group = input?.LogGroup ?? before?.group ?? `/aws/lambda/${functionName}`
  if (format === 'Text') {
    if (input?.ApplicationLogLevel !== undefined || input?.SystemLogLevel !== undefined)
      throw invalidParameter('ApplicationLogLevel and SystemLogLevel can only be set when LogFormat is JSON.')
    return { format, applicationLevel: undefined, systemLevel: undefined, group }
  }
  return {
    format,
    applicationLevel: input?.ApplicationLogLevel ?? before?.applicationLevel ?? 'INFO',
    systemLevel: input?.SystemLogLevel ?? before?.systemLevel ?? 'INFO',
    group,
  }
}
