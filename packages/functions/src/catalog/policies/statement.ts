import { invalidParameter } from '../../model/service-error.ts'
import type { StatementRecord } from '../records/function-record.ts'

/** What AddPermission is told. */
export interface PermissionInput {
  readonly StatementId: string
  readonly Action: string
  readonly Principal: string
  readonly SourceArn: string | undefined
  readonly SourceAccount: string | undefined
  readonly PrincipalOrgID: string | undefined
  readonly EventSourceToken: string | undefined
  readonly FunctionUrlAuthType: string | undefined
  readonly InvokedViaFunctionUrl: boolean | undefined
}

/** A statement as AWS puts it into the policy. */
export function statementOf(input: PermissionInput, resource: string): StatementRecord {
  const equals = present({
    'AWS:SourceAccount': input.SourceAccount,
    'aws:PrincipalOrgID': input.PrincipalOrgID,
    'lambda:EventSourceToken': input.EventSourceToken,
    'lambda:FunctionUrlAuthType': input.FunctionUrlAuthType,
  })
  const conditions = present({
    StringEquals: equals,
    Bool:
      input.InvokedViaFunctionUrl === undefined
        ? undefined
        : { 'lambda:InvokedViaFunctionUrl': String(input.InvokedViaFunctionUrl) },
    ArnLike: input.SourceArn === undefined ? undefined : { 'AWS:SourceArn': input.SourceArn },
  })
  return {
    Sid: input.StatementId,
    Effect: 'Allow',
    Principal: principalOf(input.Principal),
    Action: input.Action,
    Resource: resource,
    ...(conditions === undefined ? {} : { Condition: conditions }),
  }
}

function principalOf(principal: string): StatementRecord['Principal'] {
  if (principal === '*') return '*'
  if (/^\d{12}$/.test(principal)) return { AWS: `arn:aws:iam::${principal}:root` }
  if (/^arn:aws[a-zA-Z-]*:(iam|sts)::\d{12}:/.test(principal)) return { AWS: principal }
  if (/^[a-z0-9.-]+\.amazonaws\.com$/.test(principal)) return { Service: principal }
  throw invalidParameter('The provided principal was invalid. Please check the principal and try again.')
}

function present<T>(members: Readonly<Record<string, T | undefined>>): Record<string, T> | undefined {
  const there = Object.entries(members).filter((entry): entry is [string, T] => entry[1] !== undefined)
  return there.length === 0 ? undefined : Object.fromEntries(there)
}
