import type { ApiRequest } from '../../control-api/operation.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { LATEST } from '../names/arns.ts'
import { functionReference, type FunctionReference } from '../names/function-reference.ts'
import type { FunctionRecord, VersionRecord } from '../records/function-record.ts'
import { functionNotFound } from '../refusals.ts'
import { queryText } from '../shapes/read-input.ts'
import { own } from '../records/own.ts'

/** The label FunctionName with the query's Qualifier. */
export function referenceOf(context: CatalogContext, request: ApiRequest): FunctionReference {
  return functionReference(request.labels['FunctionName'] ?? '', queryText(request, 'Qualifier'), context.settings)
}

/** The function, or ResourceNotFoundException with the ARN as it was asked for. */
export function functionOf(context: CatalogContext, { name, qualifier }: FunctionReference): FunctionRecord {
  const record = context.records.functions.get(name)
  if (record === undefined) throw functionNotFound(context.settings, name, qualifier)
  return record
}

/** What a qualifier stands for; an alias with weights stands for its main version. */
export function versionOf(
  context: CatalogContext,
  record: FunctionRecord,
  qualifier: string | undefined,
): VersionRecord {
  const target = qualifier === undefined ? LATEST : (own(record.aliases, qualifier)?.version ?? qualifier)
  const version = context.records.version(record, target)
  if (version === undefined) throw functionNotFound(context.settings, record.name, qualifier)
  return version
}
