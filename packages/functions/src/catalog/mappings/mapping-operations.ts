import { randomUUID } from 'node:crypto'
import type { ApiRequest, Operation } from '../../control-api/operation.ts'
import { conflict, invalidParameter } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { checkDestinations, type DestinationInput } from '../event-invoke/destinations.ts'
import { functionArn, mappingArn } from '../names/arns.ts'
import { functionReference, type FunctionReference } from '../names/function-reference.ts'
import { pageOf } from '../paging.ts'
import type { MappingRecord } from '../records/mapping-record.ts'
import { own } from '../records/own.ts'
import { resourceNotFound } from '../refusals.ts'
import { queryText, readInput } from '../shapes/read-input.ts'
import { checkTags } from '../tags/tag-rules.ts'
import { epochTime } from '../times.ts'
import { checkSettings, kindOf, type MappingSettings, sourceOf, withDefaults } from './mapping-settings.ts'
import { createShape, updateShape } from './mapping-shapes.ts'

const PATH = '/2015-03-31/event-source-mappings'

/** What whoever runs a mapping knows of it now; not kept. */
export interface MappingReport {
  /** `No records processed`, `OK`, `PROBLEM: …` */
  readonly lastProcessingResult: string
}

export type MappingReports = (uuid: string) => MappingReport | undefined

export const createEventSourceMapping = (context: CatalogContext, reports: MappingReports): Operation => ({
  name: 'CreateEventSourceMapping',
  method: 'POST',
  path: PATH,
  async handle(request) {
    const { FunctionName, Enabled, Tags, ...given } = readInput(createShape, request)
    const settings = withDefaults(present(given))
    checkSettings(settings)
    const problem = context.settings.eventSourceProblem(sourceOf(settings), settings)
    if (problem !== undefined) throw invalidParameter(problem)
    const target = functionReference(FunctionName, undefined, context.settings)
    checkTarget(context, target)
    checkDestinations(context, target.name, (settings['DestinationConfig'] as DestinationInput) ?? {})
    checkTags(Tags ?? {})
    checkUnique(context, settings, target)
    const mapping: MappingRecord = {
      uuid: randomUUID(),
      functionName: target.name,
      qualifier: target.qualifier,
      enabled: Enabled ?? true,
      modifiedAt: context.now(),
      settings,
      tags: Tags ?? {},
    }
    const { records } = context
    await records.change(records.mappings, mapping.uuid, () => ({ value: mapping, result: undefined }))
    return { status: 202, body: { ...mappingAnswer(context, mapping, reports), State: 'Creating' } }
  },
})

export const getEventSourceMapping = (context: CatalogContext, reports: MappingReports): Operation => ({
  name: 'GetEventSourceMapping',
  method: 'GET',
  path: `${PATH}/{UUID}`,
  handle(request) {
    const mapping = existing(context.records.mappings.get(request.labels['UUID'] ?? ''))
    return { status: 200, body: mappingAnswer(context, mapping, reports) }
  },
})

export const updateEventSourceMapping = (context: CatalogContext, reports: MappingReports): Operation => ({
  name: 'UpdateEventSourceMapping',
  method: 'PUT',
  path: `${PATH}/{UUID}`,
  async handle(request) {
    const { FunctionName, Enabled, ...given } = readInput(updateShape, request)
    const target = FunctionName === undefined ? undefined : functionReference(FunctionName, undefined, context.settings)
    if (target !== undefined) checkTarget(context, target)
    const { records } = context
    const { before, after } = await records.change(records.mappings, request.labels['UUID'] ?? '', (current) => {
      const mapping = existing(current)
      const settings = { ...mapping.settings, ...present(given) }
      checkSettings(settings)
      const problem = context.settings.eventSourceProblem(sourceOf(settings), settings)
      if (problem !== undefined) throw invalidParameter(problem)
      const functionName = target?.name ?? mapping.functionName
      checkDestinations(context, functionName, (settings['DestinationConfig'] as DestinationInput) ?? {})
      const value: MappingRecord = {
        ...mapping,
        functionName,
        qualifier: target === undefined ? mapping.qualifier : target.qualifier,
        enabled: Enabled ?? mapping.enabled,
        modifiedAt: context.now(),
        settings,
      }
      return { value, result: { before: mapping, after: value } }
    })
    return { status: 202, body: { ...mappingAnswer(context, after, reports), State: transition(before, after) } }
  },
})

export const deleteEventSourceMapping = (context: CatalogContext, reports: MappingReports): Operation => ({
  name: 'DeleteEventSourceMapping',
  method: 'DELETE',
  path: `${PATH}/{UUID}`,
  async handle(request) {
    const { records } = context
    const mapping = await records.change(records.mappings, request.labels['UUID'] ?? '', (current) => ({
      value: undefined,
      result: existing(current),
    }))
    return { status: 202, body: { ...mappingAnswer(context, mapping, reports), State: 'Deleting' } }
  },
})

export const listEventSourceMappings = (context: CatalogContext, reports: MappingReports): Operation => ({
  name: 'ListEventSourceMappings',
  method: 'GET',
  path: PATH,
  handle: (request) => list(context, reports, request),
})

function list(context: CatalogContext, reports: MappingReports, request: ApiRequest) {
  const arn = queryText(request, 'EventSourceArn')
  const name = queryText(request, 'FunctionName')
  const target = name === undefined ? undefined : functionReference(name, undefined, context.settings)
  const rows = [...context.records.mappings.values()]
    .filter((mapping) => arn === undefined || mapping.settings['EventSourceArn'] === arn)
    .filter(
      (mapping) =>
        target === undefined ||
        (mapping.functionName === target.name &&
          (target.qualifier === undefined || mapping.qualifier === target.qualifier)),
    )
    .sort((a, b) => (a.uuid < b.uuid ? -1 : 1))
  const page = pageOf(request, rows, ({ uuid }) => uuid, 10_000)
  const EventSourceMappings = page.items.map((mapping) => mappingAnswer(context, mapping, reports))
  return {
    status: 200,
    body: { EventSourceMappings, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) },
  }
}

function existing(mapping: MappingRecord | undefined): MappingRecord {
  if (mapping === undefined) throw resourceNotFound()
  return mapping
}

function checkTarget({ records }: CatalogContext, { name, qualifier }: FunctionReference): void {
  const record = records.functions.get(name)
  const there =
    record !== undefined &&
    (qualifier === undefined ||
      own(record.aliases, qualifier) !== undefined ||
      records.version(record, qualifier) !== undefined)
  if (!there) throw invalidParameter('Function does not exist')
}

/** The same source calls the same function once. */
function checkUnique(context: CatalogContext, settings: MappingSettings, target: FunctionReference): void {
  const source = JSON.stringify([sourceOf(settings), settings['Topics'], settings['Queues']])
  for (const mapping of context.records.mappings.values()) {
    const other = JSON.stringify([sourceOf(mapping.settings), mapping.settings['Topics'], mapping.settings['Queues']])
    if (other === source && mapping.functionName === target.name && mapping.qualifier === target.qualifier)
      throw conflict(
        `An event source mapping with event source (" ${sourceOf(settings).arn ?? sourceOf(settings).servers?.join(',')} ") and function (" ${target.name} ") already exists. Please update or delete the existing mapping with UUID ${mapping.uuid}`,
      )
  }
}

const present = (members: Readonly<Record<string, unknown>>): MappingSettings =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

function transition(before: MappingRecord, after: MappingRecord): string {
  if (before.enabled === after.enabled) return 'Updating'
  return after.enabled ? 'Enabling' : 'Disabling'
}

function mappingAnswer(
  { settings }: CatalogContext,
  mapping: MappingRecord,
  reports: MappingReports,
): Record<string, unknown> {
  const queue = kindOf(sourceOf(mapping.settings)) === 'queue'
  return {
    UUID: mapping.uuid,
    EventSourceMappingArn: mappingArn(settings, mapping.uuid),
    FunctionArn: functionArn(settings, mapping.functionName, mapping.qualifier),
    LastModified: epochTime(mapping.modifiedAt),
    State: mapping.enabled ? 'Enabled' : 'Disabled',
    StateTransitionReason: queue ? 'USER_INITIATED' : 'User action',
    ...(queue && reports(mapping.uuid) === undefined
      ? {}
      : { LastProcessingResult: reports(mapping.uuid)?.lastProcessingResult ?? 'No records processed' }),
    ...mapping.settings,
  }
}
