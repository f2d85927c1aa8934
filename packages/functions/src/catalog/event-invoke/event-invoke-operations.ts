import type { ApiAnswer, ApiRequest, Operation } from '../../control-api/operation.ts'
import { invalidParameter, notFound } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { referenceOf } from '../functions/function-input.ts'
import { functionArn, LATEST } from '../names/arns.ts'
import type { FunctionReference } from '../names/function-reference.ts'
import { pageOf } from '../paging.ts'
import type { EventInvokeRecord, FunctionRecord } from '../records/function-record.ts'
import { own } from '../records/own.ts'
import { integer } from '../shapes/scalars.ts'
import { structure, type StructureOf } from '../shapes/composites.ts'
import { readInput } from '../shapes/read-input.ts'
import { epochTime } from '../times.ts'
import { checkDestinations, destinationShape } from './destinations.ts'

const PATH = '/2019-09-25/functions/{FunctionName}/event-invoke-config'
const members = {
  MaximumRetryAttempts: integer({ min: 0, max: 2 }),
  MaximumEventAgeInSeconds: integer({ min: 60, max: 21_600 }),
  DestinationConfig: destinationShape,
} as const
const shape = structure(members)
type Input = StructureOf<typeof members>

export const putFunctionEventInvokeConfig = (context: CatalogContext): Operation => ({
  name: 'PutFunctionEventInvokeConfig',
  method: 'PUT',
  path: PATH,
  handle: (request) => write(context, request, () => undefined),
})

/** What is not given stays as it is. */
export const updateFunctionEventInvokeConfig = (context: CatalogContext): Operation => ({
  name: 'UpdateFunctionEventInvokeConfig',
  method: 'POST',
  path: PATH,
  handle: (request) =>
    write(context, request, (record, reference) => {
      const before = own(record.eventInvoke, keyOf(reference))
      if (before === undefined) throw missing(context, reference)
      return before
    }),
})

async function write(
  context: CatalogContext,
  request: ApiRequest,
  beforeOf: (record: FunctionRecord, reference: FunctionReference) => EventInvokeRecord | undefined,
): Promise<ApiAnswer> {
  const reference = referenceOf(context, request)
  const input = readInput(shape, request)
  if ((input.MaximumRetryAttempts ?? input.MaximumEventAgeInSeconds ?? input.DestinationConfig) === undefined)
    throw invalidParameter('You must specify at least one of error handling or destination setting.')
  const config = await context.records.changeFunction(reference.name, (current) => {
    const record = existing(context, current, reference)
    if (input.DestinationConfig !== undefined) checkDestinations(context, record.name, input.DestinationConfig)
    const after = merged(beforeOf(record, reference), input, context.now())
    const eventInvoke = { ...record.eventInvoke, [keyOf(reference)]: after }
    return { record: { ...record, eventInvoke }, result: after }
  })
  return { status: 200, body: configAnswer(context, reference, config) }
}

function merged(before: EventInvokeRecord | undefined, input: Input, now: number): EventInvokeRecord {
  const destinations = input.DestinationConfig
  return {
    maximumRetryAttempts: input.MaximumRetryAttempts ?? before?.maximumRetryAttempts,
    maximumEventAge: input.MaximumEventAgeInSeconds ?? before?.maximumEventAge,
    onSuccess: (destinations === undefined ? before?.onSuccess : destinations.OnSuccess?.Destination) || undefined,
    onFailure: (destinations === undefined ? before?.onFailure : destinations.OnFailure?.Destination) || undefined,
    modifiedAt: now,
  }
}

export const getFunctionEventInvokeConfig = (context: CatalogContext): Operation => ({
  name: 'GetFunctionEventInvokeConfig',
  method: 'GET',
  path: PATH,
  handle(request) {
    const reference = referenceOf(context, request)
    const record = context.records.functions.get(reference.name)
    const config = record === undefined ? undefined : own(record.eventInvoke, keyOf(reference))
    if (config === undefined) throw missing(context, reference)
    return { status: 200, body: configAnswer(context, reference, config) }
  },
})

export const deleteFunctionEventInvokeConfig = (context: CatalogContext): Operation => ({
  name: 'DeleteFunctionEventInvokeConfig',
  method: 'DELETE',
  path: PATH,
  async handle(request) {
    const reference = referenceOf(context, request)
    await context.records.changeFunction(reference.name, (current) => {
      if (current === undefined || own(current.eventInvoke, keyOf(reference)) === undefined)
        throw missing(context, reference)
      const { [keyOf(reference)]: _, ...eventInvoke } = current.eventInvoke
      return { record: { ...current, eventInvoke }, result: undefined }
    })
    return { status: 204 }
  },
})

export const listFunctionEventInvokeConfigs = (context: CatalogContext): Operation => ({
  name: 'ListFunctionEventInvokeConfigs',
  method: 'GET',
  path: `${PATH}/list`,
  handle(request) {
    const { name } = referenceOf(context, request)
    const record = context.records.functions.get(name)
    if (record === undefined) throw doesNotExist()
    const rows = Object.entries(record.eventInvoke).sort(([a], [b]) => (a < b ? -1 : 1))
    const page = pageOf(request, rows, ([key]) => key, 50)
    const FunctionEventInvokeConfigs = page.items.map(([qualifier, config]) =>
      configAnswer(context, { name, qualifier }, config),
    )
    return {
      status: 200,
      body: { FunctionEventInvokeConfigs, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) },
    }
  },
})

const keyOf = ({ qualifier }: FunctionReference): string => qualifier ?? LATEST

const doesNotExist = () => notFound("The function doesn't exist.")

const missing = ({ settings }: CatalogContext, { name, qualifier }: FunctionReference) =>
  notFound(`The function ${functionArn(settings, name, qualifier ?? LATEST)} doesn't have an EventInvokeConfig`)

function existing(
  { records }: CatalogContext,
  record: FunctionRecord | undefined,
  { qualifier }: FunctionReference,
): FunctionRecord {
  const there =
    record !== undefined &&
    (qualifier === undefined ||
      own(record.aliases, qualifier) !== undefined ||
      records.version(record, qualifier) !== undefined)
  if (!there) throw doesNotExist()
  return record
}

function configAnswer({ settings }: CatalogContext, reference: FunctionReference, config: EventInvokeRecord): object {
  const destination = (arn: string | undefined) => (arn === undefined ? {} : { Destination: arn })
  return {
    LastModified: epochTime(config.modifiedAt),
    FunctionArn: functionArn(settings, reference.name, keyOf(reference)),
    ...(config.maximumRetryAttempts === undefined ? {} : { MaximumRetryAttempts: config.maximumRetryAttempts }),
    ...(config.maximumEventAge === undefined ? {} : { MaximumEventAgeInSeconds: config.maximumEventAge }),
    DestinationConfig: { OnSuccess: destination(config.onSuccess), OnFailure: destination(config.onFailure) },
  }
}
