import type { Operation } from '../../control-api/operation.ts'
import { conflict, invalidParameter } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { functionArn, isVersion, LATEST } from '../names/arns.ts'
import type { FunctionRecord } from '../records/function-record.ts'
import { functionNotFound } from '../refusals.ts'
import { referenceOf } from './function-input.ts'
import { own } from '../records/own.ts'

export const deleteFunction = (context: CatalogContext): Operation => ({
  name: 'DeleteFunction',
  method: 'DELETE',
  path: '/2015-03-31/functions/{FunctionName}',
  async handle(request) {
    const { name, qualifier } = referenceOf(context, request)
    if (qualifier === LATEST) throw invalidParameter('$LATEST version cannot be deleted without deleting the function.')
    if (qualifier === undefined) await deleteAll(context, name)
    else await deleteVersion(context, name, qualifier)
    return { status: 204 }
  },
})

/** Versions, aliases, URLs and policies go with it; event source mappings stay, as on AWS, and find no function. */
async function deleteAll(context: CatalogContext, name: string): Promise<void> {
  await context.records.changeFunction(name, (current) => {
    if (current === undefined) throw functionNotFound(context.settings, name)
    return { record: undefined, result: undefined }
  })
}

async function deleteVersion(context: CatalogContext, name: string, version: string): Promise<void> {
  const { records, settings } = context
  await records.changeFunction(name, (current) => {
    if (current === undefined) throw functionNotFound(settings, name)
    if (!isVersion(version)) throw invalidParameter('Deletion of aliases is not currently supported.')
    const users = Object.values(current.aliases).filter(
      (alias) => alias.version === version || own(alias.weights, version) !== undefined,
    )
    if (users.length > 0)
      throw conflict(
        `Unable to delete version because the following aliases reference it: [${users.map((alias) => alias.name).join(', ')}]`,
      )
    // Deleting what is not there is no error, as on AWS.
    if (records.version(current, version) === undefined) return { record: current, result: undefined }
    if (own(current.provisioned, version) !== undefined)
      throw conflict(
        `Version ${functionArn(settings, name, version)} has provisioned concurrency: delete its configuration first.`,
      )
    return { record: withoutQualifier(current, version), versions: { [version]: undefined }, result: undefined }
  })
}

/** What was said of a version or an alias goes with it. */
export function withoutQualifier(record: FunctionRecord, qualifier: string): FunctionRecord {
  const without = <T>(all: Readonly<Record<string, T>>): Readonly<Record<string, T>> => {
    const { [qualifier]: _, ...rest } = all
    return rest
  }
  return {
    ...record,
    policies: without(record.policies),
    urls: without(record.urls),
    eventInvoke: without(record.eventInvoke),
    provisioned: without(record.provisioned),
    runtimeManagement: without(record.runtimeManagement),
  }
}
