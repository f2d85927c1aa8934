import type { ApiAnswer, ApiRequest, Operation } from '../../control-api/operation.ts'
import { conflict, invalidParameter, notFound, ServiceError } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { functionOf, referenceOf } from '../functions/function-input.ts'
import { functionArn, isVersion, LATEST } from '../names/arns.ts'
import type { FunctionReference } from '../names/function-reference.ts'
import { pageOf } from '../paging.ts'
import type { FunctionRecord, ProvisionedRecord } from '../records/function-record.ts'
import { functionNotFound } from '../refusals.ts'
import { integer } from '../shapes/scalars.ts'
import { structure } from '../shapes/composites.ts'
import { queryText, readInput } from '../shapes/read-input.ts'
import { failed, required, throwProblems } from '../shapes/shape.ts'
import { lambdaTimeInSeconds } from '../times.ts'
import { provisionedOf, unreservedConcurrency } from './account-concurrency.ts'
import { own } from '../records/own.ts'

const PATH = '/2019-09-30/functions/{FunctionName}/provisioned-concurrency'
const putShape = structure({ ProvisionedConcurrentExecutions: required(integer({ min: 1 })) })

export const putProvisionedConcurrencyConfig = (context: CatalogContext): Operation => ({
  name: 'PutProvisionedConcurrencyConfig',
  method: 'PUT',
  path: PATH,
  async handle(request) {
    const { ProvisionedConcurrentExecutions: requested } = readInput(putShape, request)
    const reference = qualified(
      context,
      request,
      'Provisioned Concurrency Configs cannot be applied to unpublished function versions.',
    )
    const provisioned = { requested, modifiedAt: context.now() }
    await context.records.changeFunction(reference.name, (current) => {
      const record = existing(context, current, reference)
      checkAmount(context, record, reference.qualifier, requested)
      checkOverlap(record, reference.qualifier)
      const all = { ...record.provisioned, [reference.qualifier]: provisioned }
      return { record: { ...record, provisioned: all }, result: undefined }
    })
    return {
      status: 202,
      body: {
        RequestedProvisionedConcurrentExecutions: requested,
        AvailableProvisionedConcurrentExecutions: 0,
        AllocatedProvisionedConcurrentExecutions: 0,
        Status: 'IN_PROGRESS',
        LastModified: lambdaTimeInSeconds(provisioned.modifiedAt),
      },
    }
  },
})

/** And ListProvisionedConcurrencyConfigs, which differs by `?List=ALL`. */
export const getProvisionedConcurrencyConfig = (context: CatalogContext): Operation => ({
  name: 'GetProvisionedConcurrencyConfig',
  method: 'GET',
  path: PATH,
  handle(request) {
    if (queryText(request, 'List') !== undefined) return list(context, request)
    const reference = qualified(context, request, NOT_LATEST)
    const record = existing(context, context.records.functions.get(reference.name), reference)
    const provisioned = own(record.provisioned, reference.qualifier)
    if (provisioned === undefined)
      throw new ServiceError(
        'ProvisionedConcurrencyConfigNotFoundException',
        404,
        'No Provisioned Concurrency Config found for this function',
      )
    return { status: 200, body: provisionedAnswer(context, record, reference.qualifier, provisioned) }
  },
})

export const deleteProvisionedConcurrencyConfig = (context: CatalogContext): Operation => ({
  name: 'DeleteProvisionedConcurrencyConfig',
  method: 'DELETE',
  path: PATH,
  async handle(request) {
    const reference = qualified(context, request, NOT_LATEST)
    await context.records.changeFunction(reference.name, (current) => {
      const record = existing(context, current, reference)
      const { [reference.qualifier]: _, ...provisioned } = record.provisioned
      return { record: { ...record, provisioned }, result: undefined }
    })
    return { status: 204 }
  },
})

const NOT_LATEST = 'The function resource provided must be an alias or a published version.'

function list(context: CatalogContext, request: ApiRequest): ApiAnswer {
  const record = functionOf(context, { ...referenceOf(context, request), qualifier: undefined })
  const rows = Object.entries(record.provisioned).sort(([a], [b]) => (a < b ? -1 : 1))
  const page = pageOf(request, rows, ([qualifier]) => qualifier, 50)
  const ProvisionedConcurrencyConfigs = page.items.map(([qualifier, provisioned]) => ({
    FunctionArn: functionArn(context.settings, record.name, qualifier),
    ...provisionedAnswer(context, record, qualifier, provisioned),
  }))
  return {
    status: 200,
    body: { ProvisionedConcurrencyConfigs, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) },
  }
}

interface Qualified extends FunctionReference {
  readonly qualifier: string
}

function qualified(context: CatalogContext, request: ApiRequest, refusal: string): Qualified {
  const { name, qualifier } = referenceOf(context, request)
  if (qualifier === undefined) throwProblems([failed('null', 'qualifier', 'Member must not be null')])
  if (qualifier === LATEST) throw invalidParameter(refusal)
  return { name, qualifier: qualifier! }
}

function existing(
  { settings, records }: CatalogContext,
  record: FunctionRecord | undefined,
  { name, qualifier }: Qualified,
): FunctionRecord {
  if (isVersion(qualifier)) {
    if (record === undefined || records.version(record, qualifier) === undefined)
      throw functionNotFound(settings, name, qualifier)
  } else if (record === undefined || own(record.aliases, qualifier) === undefined)
    throw notFound(`Cannot find alias arn: ${functionArn(settings, name, qualifier)}`)
  return record
}

function checkAmount(context: CatalogContext, record: FunctionRecord, qualifier: string, requested: number): void {
  const total = provisionedOf(record) - (own(record.provisioned, qualifier)?.requested ?? 0) + requested
  if (record.reservedConcurrency !== undefined) {
    if (total > record.reservedConcurrency)
      throw invalidParameter(
        'Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function',
      )
    return
  }
  const { accountConcurrency, minimumUnreserved } = context.settings
  if (requested > accountConcurrency)
    throw invalidParameter(
      `Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [${accountConcurrency}].`,
    )
  if (unreservedConcurrency(context, record.name) - total < minimumUnreserved)
    throw invalidParameter(
      `Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${minimumUnreserved}].`,
    )
}

/** A version is provisioned by its own name or by an alias, not by both. */
function checkOverlap({ aliases, provisioned }: FunctionRecord, qualifier: string): void {
  const alias = own(aliases, qualifier)
  if (alias !== undefined) {
    if (own(provisioned, alias.version) !== undefined)
      throw conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
    return
  }
  const pointing = Object.values(aliases).some(
    ({ name, version }) => version === qualifier && own(provisioned, name) !== undefined,
  )
  if (pointing) throw conflict('Version is pointed by a Provisioned Concurrency alias')
}

function provisionedAnswer(
  context: CatalogContext,
  record: FunctionRecord,
  qualifier: string,
  { requested, modifiedAt }: ProvisionedRecord,
): object {
  const version = own(record.aliases, qualifier)?.version ?? qualifier
  const state = context.engine()?.provisioned(record.name, version)
  return {
    RequestedProvisionedConcurrentExecutions: requested,
    AvailableProvisionedConcurrentExecutions: state?.available ?? 0,
    AllocatedProvisionedConcurrentExecutions: state?.allocated ?? 0,
    Status: state?.status ?? 'IN_PROGRESS',
    ...(state?.reason === undefined ? {} : { StatusReason: state.reason }),
    LastModified: lambdaTimeInSeconds(modifiedAt),
  }
}
