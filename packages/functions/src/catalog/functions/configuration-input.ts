import { flag, integer, oneOf, text } from '../shapes/scalars.ts'
import { list, map, structure, type StructureOf } from '../shapes/composites.ts'

/** Members of CreateFunction and UpdateFunctionConfiguration, with the constraints of the service model and, where they are known, AWS's own. */
export const CONFIGURATION_MEMBERS = {
  Role: text({ pattern: 'arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+' }),
  Runtime: text(),
  Handler: text({ max: 128, pattern: '[^\\s]+' }),
  Description: text({ max: 256 }),
  Timeout: integer({ min: 1, max: 900 }),
  MemorySize: integer({ min: 128, max: 10_240 }),
  Environment: structure({
    Variables: map(text({ sensitive: true }), {
      key: text({ pattern: '[a-zA-Z]([a-zA-Z0-9_])+' }),
      sensitive: true,
    }),
  }),
  EphemeralStorage: structure({ Size: integer({ min: 512, max: 10_240 }) }),
  TracingConfig: structure({ Mode: oneOf('Active', 'PassThrough') }),
  DeadLetterConfig: structure({ TargetArn: text({ pattern: '(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()' }) }),
  Layers: list(text()),
  ImageConfig: structure({
    EntryPoint: list(text(), { max: 1_500 }),
    Command: list(text(), { max: 1_500 }),
    WorkingDirectory: text({ max: 1_000 }),
  }),
  LoggingConfig: structure({
    LogFormat: oneOf('JSON', 'Text'),
    ApplicationLogLevel: oneOf('TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'),
    SystemLogLevel: oneOf('DEBUG', 'INFO', 'WARN'),
    LogGroup: text({ min: 1, max: 512, pattern: '[\\.\\-_/#A-Za-z0-9]+' }),
  }),
  // What follows exists on AWS and not here: read in order to be refused where it would matter.
  VpcConfig: structure({ SubnetIds: list(text()), SecurityGroupIds: list(text()), Ipv6AllowedForDualStack: flag() }),
  FileSystemConfigs: list(structure({ Arn: text() })),
  KMSKeyArn: text(),
  SnapStart: structure({ ApplyOn: oneOf('PublishedVersions', 'None') }),
  CodeSigningConfigArn: text(),
  CapacityProviderConfig: structure({}),
  DurableConfig: structure({}),
  TenancyConfig: structure({}),
} as const

export type ConfigurationInput = StructureOf<typeof CONFIGURATION_MEMBERS>
