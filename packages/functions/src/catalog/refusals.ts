import { conflict, notFound, ServiceError } from '../model/service-error.ts'
import { functionArn, type Scope } from './names/arns.ts'
import type { VersionRecord } from './records/function-record.ts'

/** Errors that several operations answer, in AWS's words. */

export const functionNotFound = (scope: Scope, name: string, qualifier?: string): ServiceError =>
  notFound(`Function not found: ${functionArn(scope, name, qualifier)}`)

export const resourceNotFound = (): ServiceError => notFound('The resource you requested does not exist.')

/** @param what `GetFunction/GetAlias`, `GetPolicy`, `GetLayerPolicy` */
export const revisionMismatch = (what = 'GetFunction/GetAlias'): ServiceError =>
  new ServiceError(
    'PreconditionFailedException',
    412,
    `The Revision Id provided does not match the latest Revision Id. Call the ${what} API to retrieve the latest Revision Id`,
  )

export const updateInProgress = (arn: string): ServiceError =>
  conflict(`The operation cannot be performed at this time. An update is in progress for resource: ${arn}`)

/** Not Active: cannot be invoked, published or changed. */
export const notActive = ({ state, stateReason }: VersionRecord): ServiceError =>
  conflict(
    `The operation cannot be performed at this time. The function is currently in the following state: ${state}` +
      (state === 'Failed' && stateReason !== undefined ? ` (${stateReason})` : ''),
  )

export const policyTooLong = (bytes: number, limit: number): ServiceError =>
  new ServiceError(
    'PolicyLengthExceededException',
    400,
    `The final policy size (${bytes}) is bigger than the limit (${limit}).`,
  )
