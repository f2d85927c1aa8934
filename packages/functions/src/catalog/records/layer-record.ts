import type { ZipCode } from './function-record.ts'

/** One version of a layer. Never changes but for its policy. */
export interface LayerVersionRecord {
  readonly name: string
  readonly version: number
  readonly description: string
  readonly createdAt: number
  readonly compatibleRuntimes: readonly string[] | undefined
  readonly compatibleArchitectures: readonly string[] | undefined
  readonly licenseInfo: string | undefined
  readonly code: ZipCode
  readonly policy: readonly LayerStatement[]
  /** Of the policy. */
  readonly policyRevision: string
}

export interface LayerStatement {
  readonly Sid: string
  readonly Effect: 'Allow'
  readonly Principal: string | { readonly AWS: string }
  readonly Action: 'lambda:GetLayerVersion'
  readonly Resource: string
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Numbers of a layer's versions are never used again, not even when all are deleted. */
export interface LayerNumbers {
  readonly nextVersion: number
}
