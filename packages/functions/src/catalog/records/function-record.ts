import type { FunctionNetwork } from '../../model/deployed-function.ts'

/** A zip, by what is in it. */
export interface ZipCode {
  readonly kind: 'zip'
  /** Hexadecimal. */
  readonly sha256: string
  readonly size: number
  readonly unzippedBytes: number
}

/** A container image that was unpacked. */
export interface ImageCode {
  readonly kind: 'image'
  /** As it was given. */
  readonly uri: string
  /** Of its manifest, hexadecimal; undefined while it is being unpacked. */
  readonly digest: string | undefined
  readonly entryPoint: readonly string[]
  readonly command: readonly string[]
  readonly workingDirectory: string
  readonly environment: Readonly<Record<string, string>>
}

export type CodeRecord = ZipCode | ImageCode

export interface LayerUse {
  readonly arn: string
  readonly sha256: string
  readonly size: number
  readonly unzippedBytes: number
}

export interface ImageConfig {
  readonly EntryPoint?: readonly string[]
  readonly Command?: readonly string[]
  readonly WorkingDirectory?: string
}

export interface LoggingRecord {
  readonly format: 'Text' | 'JSON'
  readonly applicationLevel: string | undefined
  readonly systemLevel: string | undefined
  readonly group: string
}

/** What may be configured: what makes one version different from another, with the code. */
export interface ConfigurationRecord {
  readonly description: string
  readonly role: string
  readonly runtime: string | undefined
  readonly handler: string | undefined
  readonly architecture: 'x86_64' | 'arm64'
  readonly memoryMb: number
  readonly timeoutSeconds: number
  readonly ephemeralStorageMb: number
  readonly environment: Readonly<Record<string, string>>
  readonly layers: readonly LayerUse[]
  readonly imageConfig: ImageConfig | undefined
  readonly logging: LoggingRecord
  readonly tracing: 'Active' | 'PassThrough'
  readonly deadLetterArn: string | undefined
}

export interface UpdateStatus {
  readonly status: 'Successful' | 'InProgress' | 'Failed'
  readonly reason?: string
  readonly reasonCode?: string
}

/** `$LATEST` or a published version. */
export interface VersionRecord {
  /** `$LATEST`, `1`, … */
  readonly version: string
  /** Of the function that it belongs to: another one may have had the same name. */
  readonly incarnation: string
  /** RevisionId, which changes with everything. */
  readonly revisionId: string
  /** Changes with code and configuration only: environments of another deployment are of no use. */
  readonly deployment: string
  /** Milliseconds since 1970. */
  readonly modifiedAt: number
  readonly packageType: 'Zip' | 'Image'
  readonly configuration: ConfigurationRecord
  readonly code: CodeRecord
  /** Takes the place of `code` when it is unpacked. */
  readonly nextCode?: ImageCode
  readonly state: 'Pending' | 'Active' | 'Failed'
  readonly stateReason?: string
  readonly stateReasonCode?: string
  /** Only of `$LATEST`. */
  readonly update?: UpdateStatus
}

export interface AliasRecord {
  readonly name: string
  readonly version: string
  readonly description: string
  /** One other version and its share of calls, 0 to 1. */
  readonly weights: Readonly<Record<string, number>>
  readonly revisionId: string
}

/** One statement of a policy, as AWS shows it. */
export interface StatementRecord {
  readonly Sid: string
  readonly Effect: 'Allow'
  readonly Principal: string | { readonly Service: string } | { readonly AWS: string }
  readonly Action: string
  readonly Resource: string
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface CorsRecord {
  readonly AllowCredentials?: boolean
  readonly AllowHeaders?: readonly string[]
  readonly AllowMethods?: readonly string[]
  readonly AllowOrigins?: readonly string[]
  readonly ExposeHeaders?: readonly string[]
  readonly MaxAge?: number
}

export interface UrlRecord {
  readonly id: string
  readonly authType: 'NONE' | 'AWS_IAM'
  readonly invokeMode: 'BUFFERED' | 'RESPONSE_STREAM'
  readonly cors: CorsRecord | undefined
  readonly createdAt: number
  readonly modifiedAt: number
}

export interface EventInvokeRecord {
  readonly maximumRetryAttempts: number | undefined
  readonly maximumEventAge: number | undefined
  readonly onSuccess: string | undefined
  readonly onFailure: string | undefined
  readonly modifiedAt: number
}

export interface ProvisionedRecord {
  readonly requested: number
  readonly modifiedAt: number
}

/** All of a function but its published versions. Maps by qualifier have `$LATEST` for none. */
export interface FunctionRecord {
  readonly name: string
  /** UUID: tells it from a function of the same name that was deleted. */
  readonly incarnation: string
  readonly latest: VersionRecord
  /** Numbers are never used again. */
  readonly nextVersion: number
  readonly aliases: Readonly<Record<string, AliasRecord>>
  readonly policies: Readonly<Record<string, readonly StatementRecord[]>>
  readonly urls: Readonly<Record<string, UrlRecord>>
  readonly eventInvoke: Readonly<Record<string, EventInvokeRecord>>
  readonly provisioned: Readonly<Record<string, ProvisionedRecord>>
  readonly reservedConcurrency: number | undefined
  readonly tags: Readonly<Record<string, string>>
  readonly runtimeManagement: Readonly<Record<string, 'Auto' | 'Manual' | 'FunctionUpdate'>>
  readonly recursion: 'Allow' | 'Terminate'
}

/** Tags with a meaning to Sekisho begin with this; no others may. */
export const OWN_TAG_PREFIX = 'sekisho:'
export const NETWORK_TAG = 'sekisho:network'
export const NETWORKS: readonly FunctionNetwork[] = ['none', 'egress', 'host']
